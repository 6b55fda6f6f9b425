/* The buttons beneath the picture, the keyboard, and what lies over it. */

import { STATES } from './player.js';
import { seconds } from './format.js';
import { recall, remember } from './memory.js';


const IDLE_MS = 3000;
const SEEK_S = 5;
const VOLUME_STEP = 0.1;
const LIVE_WITHIN_S = 4;
const SOUND_KEY = 'onair-sound';

const byId = id => document.getElementById(id);


function setIcon(button, icon) {
    button.querySelector('use').setAttribute('href', `#${icon}`);
}


function label(button, text, key) {
    button.setAttribute('aria-label', text);
    button.title = `${text} (${key})`;
}


function interruption(player, left) {
    if (!player.status.reachable) {
        return 'The server does not answer.';
    }

    return left ? `The stream was interrupted. It has ${left} s to return.`
                : 'The stream was interrupted.';
}


/* What the curtain says in each state: icon, title, text. */
function words(player) {
    const name = player.channel ?? '';
    const entry = player.entry();
    const left = entry?.state === 'grace'
                 ? Math.max(0, Math.ceil(entry.grace - entry.state_for)) : 0;

    const soundOnly = player.soundOnly
                      || entry && entry.renditions.length > 0
                         && entry.renditions.every(r => r.kind === 'audio');

    return {
        playing: soundOnly ? ['i-sound', name, 'Sound only'] : null,
        idle: ['i-off', 'Nothing is on air',
               'What goes live plays here by itself.'],
        offline: ['i-off', `${name} is offline`,
                  'It starts here by itself when it goes live.'],
        connecting: ['', '', ''],
        buffering: ['', '', ''],
        reconnecting: ['', 'Reconnecting…', interruption(player, left)],
        ended: ['i-end', 'The stream has ended',
                'The next one starts here by itself.'],
        unsupported: ['i-off', 'This browser cannot play the stream',
                      player.undecodable
                      ? 'It has no decoder for it; another browser, or another '
                        + 'device, may have one.'
                      : 'It has neither media source extensions nor HLS of its '
                        + 'own.'],
    }[player.state];
}


export class Controls {

    constructor(player, stats, menu) {
        this.player = player;
        this.stats = stats;
        this.menu = menu;
        this.video = player.video;
        this.box = byId('player');
        this.idleTimer = 0;

        if (matchMedia('(hover: none)').matches) {
            byId('unmute').lastChild.textContent = 'Tap for sound';
        }

        this.restoreSound();
        this.wireButtons();
        this.wirePicture();

        document.addEventListener('keydown', e => this.onKey(e));
        document.addEventListener('fullscreenchange', () => this.draw());
        player.addEventListener('change', () => this.draw());
        player.status.addEventListener('update', () => this.drawCurtain());
        setInterval(() => this.drawLatency(), 500);

        this.draw();
    }


    /* Muted until the viewer has once asked for sound. */
    restoreSound() {
        const { on, volume } = recall(SOUND_KEY) ?? {};

        this.video.muted = on !== true;
        this.video.volume = volume >= 0 && volume <= 1 ? volume : 1;
        byId('volume').value = this.video.volume * 100;
    }


    wireButtons() {
        const click = (id, f) => byId(id).addEventListener('click', f);

        click('play', () => this.togglePlay());
        click('big-play', () => this.player.play());
        click('mute', () => this.setSound(this.video.muted));
        click('unmute', () => {
            this.setSound(true);
            byId('mute').focus();
        });
        click('live', () => this.player.goLive());
        click('full', () => this.toggleFull());
        click('stats-toggle', () => this.toggleStats());

        byId('volume').addEventListener('input', e => {
            this.setVolume(e.target.value / 100);
        });
    }


    /* A mouse's click pauses, a finger's tap shows the controls. */
    wirePicture() {
        this.video.addEventListener('click', e => {
            if (e.pointerType !== 'touch') {
                this.togglePlay();
            }
        });
        this.video.addEventListener('dblclick', () => this.toggleFull());

        for (const type of ['pointermove', 'pointerdown', 'keydown',
                            'focusin'])
        {
            this.box.addEventListener(type, () => this.wake());
        }

        this.box.addEventListener('pointerleave', () => this.doze());
        this.wake();
    }


    wake() {
        clearTimeout(this.idleTimer);
        this.box.classList.remove('idle');
        this.idleTimer = setTimeout(() => this.doze(), IDLE_MS);
    }


    doze() {
        this.box.classList.toggle('idle', this.player.state === 'playing'
                                          && !this.menu.open);
    }


    /* --- actions ----------------------------------------------------- */

    togglePlay() {
        if (this.video.paused) {
            this.player.play();
        } else {
            this.player.pause();
        }
    }


    setSound(on) {
        this.video.muted = !on;

        if (on && this.video.volume === 0) {
            this.video.volume = 0.5;
        }

        if (on && this.video.paused && !this.player.wantsPause) {
            this.player.start();
        }

        this.keepSound();
    }


    setVolume(volume) {
        this.video.volume = Math.min(1, Math.max(0, volume));
        this.video.muted = this.video.volume === 0;
        this.keepSound();
    }


    keepSound() {
        remember(SOUND_KEY,
                 { on: !this.video.muted, volume: this.video.volume });
    }


    async toggleFull() {
        try {
            if (document.fullscreenElement) {
                await document.exitFullscreen();
            } else if (this.box.requestFullscreen) {
                await this.box.requestFullscreen();
            } else {
                this.video.webkitEnterFullscreen?.();
            }
        } catch { /* the browser does not want to */ }
    }


    toggleStats() {
        byId('stats-toggle').setAttribute('aria-pressed',
                                          String(this.stats.toggle()));
    }


    onKey(event) {
        const { target } = event;

        if (event.ctrlKey || event.metaKey || event.altKey
            || target.isContentEditable
            || target.closest('textarea, select, .channels, .menu')
            || (target.closest('input') && event.key.startsWith('Arrow')))
        {
            return;
        }

        /* on a button or a link, space is that one's own */
        if (event.key === ' ' && target.closest('button, a')) {
            return;
        }

        const action = this.actionOf(event.key);

        if (action) {
            event.preventDefault();
            this.wake();
            action();
        }
    }


    actionOf(key) {
        const { player, video } = this;

        return {
            ' ': () => this.togglePlay(),
            k: () => this.togglePlay(),
            m: () => this.setSound(video.muted),
            f: () => this.toggleFull(),
            s: () => this.toggleStats(),
            q: () => this.menu.toggle(),
            l: () => player.goLive(),
            ArrowLeft: () => player.seekBy(-SEEK_S),
            ArrowRight: () => player.seekBy(SEEK_S),
            ArrowUp: () => this.setVolume(video.volume + VOLUME_STEP),
            ArrowDown: () => this.setVolume(video.volume - VOLUME_STEP),
        }[key.length === 1 ? key.toLowerCase() : key];
    }


    /* --- drawing ----------------------------------------------------- */

    draw() {
        const { player, video } = this;
        const paused = video.paused;
        const full = document.fullscreenElement !== null;
        const silent = video.muted || video.volume === 0;

        this.box.dataset.state = player.state;

        setIcon(byId('play'), paused ? 'i-play' : 'i-pause');
        label(byId('play'), paused ? 'Play' : 'Pause', 'space');
        setIcon(byId('mute'), silent ? 'i-muted' : 'i-sound');
        label(byId('mute'), silent ? 'Sound on' : 'Sound off', 'm');
        setIcon(byId('full'), full ? 'i-window' : 'i-full');
        label(byId('full'), full ? 'Leave full screen' : 'Full screen', 'f');

        byId('volume').value = silent ? 0 : video.volume * 100;
        byId('unmute').hidden = !(silent && player.state === 'playing');
        byId('big-play').hidden = !['blocked', 'paused']
                                   .includes(player.state);

        this.wake();
        this.drawCurtain();
        this.drawLatency();
        this.announce();
    }


    drawCurtain() {
        const text = words(this.player);

        byId('curtain').hidden = !text;

        if (text) {
            byId('spinner').hidden = text[0] !== '';
            byId('curtain-icon').toggleAttribute('hidden', text[0] === '');
            byId('curtain-icon').querySelector('use')
                .setAttribute('href', `#${text[0] || 'i-off'}`);
            byId('curtain-title').textContent = text[1];
            byId('curtain-text').textContent = text[2];
        }
    }


    drawLatency() {
        const { age, behind, state } = this.player.report();
        const shown = ['playing', 'paused', 'buffering'].includes(state);
        const late = Number.isFinite(age) ? age : behind;
        const live = state === 'playing' && !this.player.rewound
                     && !(behind > LIVE_WITHIN_S);

        byId('latency').textContent = shown && Number.isFinite(late)
                                      ? seconds(late) : '';
        byId('live').disabled = !shown || live;
        byId('live').classList.toggle('on', live);
        byId('live').setAttribute('aria-label',
                                  live ? 'Live' : 'Go to live');
        byId('live-text').textContent = shown && !live ? 'Go live' : 'Live';
    }


    /* For those who listen to the page. */
    announce() {
        const { player } = this;
        const name = player.channel ? `${player.channel}: ` : '';
        const text = name + STATES[player.state];

        if (byId('state').textContent !== text) {
            byId('state').textContent = text;
        }
    }
}
