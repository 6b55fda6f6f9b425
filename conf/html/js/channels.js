/*
 * The list of channels beside the picture.  Names come from strangers: they
 * become text and percent-encoded fragments, never markup.
 */

import { clock, count, picture } from './format.js';


const HEIGHT = 180;             /* of a preview's picture */
const REASON = { grace: 'interrupted', on_air: '', ended: 'ended' };


function element(tag, name, text = '') {
    const e = document.createElement(tag);

    e.className = name;
    e.textContent = text;

    return e;
}


/* Those worth showing, most watched first. */
export function listed(status) {
    return [...status.channels.values()]
        .filter(c => c.state !== 'ended')
        .sort((a, b) => b.viewers - a.viewers
                        || a.channel.localeCompare(b.channel));
}


function icon(name) {
    const ns = 'http://www.w3.org/2000/svg';
    const svg = document.createElementNS(ns, 'svg');
    const use = document.createElementNS(ns, 'use');

    use.setAttribute('href', `#${name}`);
    svg.setAttribute('aria-hidden', 'true');
    svg.append(use);

    return svg;
}


/* An image that is not there, or does not come, leaves its place to a sign. */
function createPreview(name) {
    const preview = element('span', 'channel-preview');
    const image = document.createElement('img');

    image.alt = `What is on ${name}`;
    image.loading = 'lazy';
    image.decoding = 'async';
    image.addEventListener('load', () => image.classList.add('loaded'));
    image.addEventListener('error', () => image.classList.remove('loaded'));
    preview.append(icon('i-play'), image);

    return preview;
}


function createItem(name) {
    const item = document.createElement('li');
    const link = element('a', 'channel');
    const viewers = element('span', 'channel-viewers');
    const number = element('span', 'number');

    link.href = `#${encodeURIComponent(name)}`;
    viewers.append(icon('i-viewers'), number);
    link.append(createPreview(name), element('span', 'dot'),
                element('span', 'channel-name', name),
                viewers, element('span', 'channel-facts'));
    item.append(link);

    return item;
}


/* The address changes with the picture, and the old one stays until then. */
function fillPreview(image, channel, liveUrl) {
    const heights = channel.thumbnails ?? [];
    const height = heights.includes(HEIGHT) ? HEIGHT : heights[0];
    const made = Date.parse(channel.thumbnails_made) / 1000;
    const url = height === undefined ? ''
        : `${liveUrl}${encodeURIComponent(channel.channel)}`
          + `/thumbnail-${height}.jpg?${made}`;

    if (url === '') {
        image.removeAttribute('src');
        image.classList.remove('loaded');

    } else if (image.getAttribute('src') !== url) {
        image.src = url;
    }
}


function fillItem(item, channel, current) {
    const link = item.firstChild;
    const video = channel.renditions.find(r => r.kind === 'video');
    const facts = [REASON[channel.state], clock(channel.uptime),
                   picture(video) || 'sound only'];

    link.classList.toggle('on', channel.state === 'on_air');
    link.classList.toggle('waits', channel.state === 'grace');
    link.toggleAttribute('aria-current', channel.channel === current);
    link.querySelector('.number').textContent
        = channel.viewers.toLocaleString('en');
    link.querySelector('.channel-viewers').title
        = count(channel.viewers, 'viewer', 'viewers');
    link.querySelector('.channel-facts').textContent
        = facts.filter(Boolean).join(' · ');

    if (channel.channel === current) {
        link.setAttribute('aria-current', 'true');
    }
}


export class Channels {

    constructor(status, list, none, liveUrl) {
        this.status = status;
        this.list = list;
        this.none = none;
        this.liveUrl = liveUrl;
        this.items = new Map();
        this.current = null;

        status.addEventListener('update', () => this.draw());
        list.addEventListener('keydown', e => this.onKey(e));
    }


    select(name) {
        this.current = name;
        this.draw();
    }


    draw() {
        const channels = listed(this.status);
        const items = new Map();

        for (const channel of channels) {
            const { channel: name } = channel;
            const item = this.items.get(name) ?? createItem(name);

            fillItem(item, channel, this.current);
            fillPreview(item.querySelector('img'), channel, this.liveUrl);
            items.set(name, item);
        }

        this.none.hidden = channels.length > 0;
        this.list.classList.toggle('pictures',
                                   channels.some(c => c.thumbnails?.length));
        this.place([...items.values()]);
        this.items = items;
    }


    /* Moves only what has moved, so that the focus stays where it is. */
    place(items) {
        for (const item of [...this.list.children]) {
            if (!items.includes(item)) {
                item.remove();
            }
        }

        items.forEach((item, i) => {
            if (this.list.children[i] !== item) {
                const focused = item.contains(document.activeElement);

                this.list.insertBefore(item, this.list.children[i] ?? null);

                if (focused) {
                    item.firstChild.focus();
                }
            }
        });
    }


    onKey(event) {
        const links = [...this.list.querySelectorAll('a')];
        const i = links.indexOf(document.activeElement);
        const next = {
            ArrowDown: i + 1, ArrowUp: i - 1, Home: 0, End: links.length - 1,
        }[event.key];

        if (next !== undefined && i >= 0) {
            event.preventDefault();
            links[Math.min(links.length - 1, Math.max(0, next))].focus();

        } else if (event.key === ' ' && i >= 0) {
            event.preventDefault();
            links[i].click();
        }
    }
}
