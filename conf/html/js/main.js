/* The page: joins status, player, controls and the list of channels. */

import { Channels, listed } from './channels.js';
import { Controls } from './controls.js';
import { clock, count, picture } from './format.js';
import { Menu } from './menu.js';
import { Player } from './player.js';
import { Stats } from './stats.js';
import { Status } from './status.js';


const RTMP_PORT = 1935;

const byId = id => document.getElementById(id);
const meta = name => document.querySelector(`meta[name="${name}"]`).content;

const status = new Status(meta('onair-status'));
const player = new Player(byId('video'), meta('onair-live'), status);
const channels = new Channels(status, byId('channels'), byId('none'),
                              meta('onair-live'));
const stats = new Stats(player, byId('stats'), byId('stats-list'),
                        byId('warnings'));


/* --- which channel ----------------------------------------------------- */

function chosen() {
    try {
        return decodeURIComponent(location.hash.slice(1));
    } catch {
        return '';
    }
}


/* The one in the address; without one, the most watched, and it stays. */
function choose() {
    const name = chosen() || player.channel || listed(status)[0]?.channel;

    if (name) {
        player.open(name);
        channels.select(name);
    }

    draw();
}


/* --- what is around the picture ---------------------------------------- */

function drawBadge(entry) {
    const badge = byId('badge');
    const [text, style] = {
        on_air: ['Live', 'on'],
        grace: ['Interrupted', 'warn'],
        ended: ['Ended', ''],
    }[entry?.state] ?? ['Offline', ''];

    badge.textContent = text;
    badge.className = `badge ${style}`;
}


function drawAbout() {
    const entry = player.entry();
    const name = player.channel;

    byId('about').hidden = !name;

    if (!name) {
        return;
    }

    const video = entry?.renditions.find(r => r.kind === 'video');
    const over = entry?.state === 'ended';
    const facts = !entry ? [] : [
        over ? '' : count(entry.viewers, 'viewer', 'viewers'),
        `${over ? 'was ' : ''}on air for ${clock(entry.uptime)}`,
        picture(video),
    ];

    byId('name').textContent = name;
    byId('facts').textContent = facts.filter(Boolean).join(' · ');
    drawBadge(entry);
}


function draw() {
    const live = listed(status);

    drawAbout();

    document.title = player.channel ? `${player.channel} – onair` : 'onair';
    byId('total').textContent = live.length === 0 ? ''
        : `${count(live.length, 'channel', 'channels')}, `
          + count(status.viewers, 'viewer', 'viewers');
    showPublish(status.known && live.length === 0);
}


/* --- how to publish ---------------------------------------------------- */

let publishFilled = false;


async function rtmpPort() {
    try {
        const response = await fetch(meta('onair-page'));
        const { rtmp_port: port } = response.ok ? await response.json() : {};

        return Number.isInteger(port) ? port : RTMP_PORT;

    } catch {
        return RTMP_PORT;
    }
}


async function fillPublish() {
    const port = await rtmpPort();
    const url = `rtmp://${location.hostname}${port === RTMP_PORT ? ''
                                                   : `:${port}`}/live`;

    byId('rtmp-url').textContent = url;
    byId('ffmpeg-line').textContent =
        'ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=30 '
        + '-f lavfi -i sine=frequency=440:sample_rate=48000 '
        + '-c:v libx264 -preset veryfast -tune zerolatency -g 60 -b:v 2500k '
        + `-pix_fmt yuv420p -c:a aac -b:a 160k -f flv ${url}/show`;
}


function showPublish(show) {
    byId('publish').hidden = !show;

    if (show && !publishFilled) {
        publishFilled = true;
        fillPublish();
    }
}


async function copy(button) {
    const source = byId(button.dataset.copy);

    try {
        await navigator.clipboard.writeText(source.textContent);
        button.textContent = 'Copied';
        setTimeout(() => { button.textContent = 'Copy'; }, 2000);

    } catch {
        getSelection().selectAllChildren(source);
    }
}


/* --- start ------------------------------------------------------------- */

new Controls(player, stats, new Menu(player));

for (const button of document.querySelectorAll('[data-copy]')) {
    button.addEventListener('click', () => copy(button));
}

byId('skip').addEventListener('click', event => {
    event.preventDefault();
    byId('player').focus();
});

window.addEventListener('hashchange', choose);
status.addEventListener('update', choose);
player.addEventListener('change', draw);

status.start();
choose();

/* for the browser's console: onair.player.report() */
window.onair = { player, status };
