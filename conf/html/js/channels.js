/*
 * The list of channels beside the picture.  Names come from strangers: they
 * become text and percent-encoded fragments, never markup.
 */

import { clock, count, picture } from './format.js';


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


function viewersIcon() {
    const ns = 'http://www.w3.org/2000/svg';
    const svg = document.createElementNS(ns, 'svg');
    const use = document.createElementNS(ns, 'use');

    use.setAttribute('href', '#i-viewers');
    svg.setAttribute('aria-hidden', 'true');
    svg.append(use);

    return svg;
}


function createItem(name) {
    const item = document.createElement('li');
    const link = element('a', 'channel');
    const viewers = element('span', 'channel-viewers');
    const number = element('span', 'number');

    link.href = `#${encodeURIComponent(name)}`;
    viewers.append(viewersIcon(), number);
    link.append(element('span', 'dot'), element('span', 'channel-name', name),
                viewers, element('span', 'channel-facts'));
    item.append(link);

    return item;
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

    constructor(status, list, none) {
        this.status = status;
        this.list = list;
        this.none = none;
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
            items.set(name, item);
        }

        this.none.hidden = channels.length > 0;
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
