/*
 * Which rendition is to be played: 'auto', 'sound', or the name of one with a
 * picture.  What a viewer has chosen stays so across channels and visits; where
 * there is none of that name, or none at the moment, 'auto' does instead.
 *
 * Event: "change" when the choice, or what is on its way, changed.
 */

import { bitrate, picture } from './format.js';
import { recall, remember } from './memory.js';


const KEY = 'onair-quality';
const SOURCE = 'video';
const RELOAD_MS = 15000;


/* Those that viewers may ask for now. */
export function listed(entry, kind) {
    return (entry?.renditions ?? [])
        .filter(r => r.kind === kind && r.rung?.state !== 'withdrawn');
}


export function asleep(rendition) {
    return rendition.rung?.state === 'asleep';
}


export function title(name) {
    return { [SOURCE]: 'Source', auto: 'Auto', sound: 'Sound only' }[name]
           ?? name;
}


/* Frames of a rung that sleeps are not measured yet, nor is its rate. */
function facts(rendition) {
    const rate = rendition.average_bandwidth || rendition.bitrate;

    return [picture(rendition), rate > 0 ? bitrate(rate) : '',
            asleep(rendition) ? 'starts when chosen' : '']
        .filter(Boolean).join(' · ');
}


function pixels(rendition) {
    return rendition.width * rendition.height;
}


/* The best first; the source before a rung of its size. */
function order(a, b) {
    return pixels(b) - pixels(a)
           || (a.rung ? 1 : 0) - (b.rung ? 1 : 0)
           || (b.frame_rate ?? 0) - (a.frame_rate ?? 0);
}


export class Quality extends EventTarget {

    constructor(player) {
        super();
        this.player = player;
        this.choice = 'auto';
        this.pending = null;         /* chosen, but not playing yet */
        this.missed = new Set();     /* loaded again for these, in vain */
        this.reloadedMs = -Infinity;

        const kept = recall(KEY);

        if (typeof kept === 'string' && kept !== 'sound') {
            this.choice = kept;
        }
    }


    get engine() {
        return this.player.engine;
    }


    /* What there is to choose from; nothing where there is no choice. */
    options() {
        const entry = this.player.entry();
        const video = listed(entry, 'video').sort(order);
        const sound = this.sound(entry);

        if (video.length === 0 || !this.engine?.renditions()
            || entry.state === 'ended')
        {
            return [];
        }

        return [
            { value: 'auto', title: title('auto'),
              facts: 'what the connection carries' },
            ...video.map(r => ({
                value: r.name, title: title(r.name), facts: facts(r),
            })),
            ...sound ? [{
                value: 'sound', title: title('sound'), facts: facts(sound),
            }] : [],
        ];
    }


    /* The lightest: a rung of its own before the source's. */
    sound(entry) {
        const audio = listed(entry, 'audio');

        return audio.find(r => r.rung) ?? audio[0];
    }


    choose(value) {
        this.missed.clear();
        remember(KEY, value);
        this.take(value);
        this.player.status.ask();
    }


    take(value) {
        const { player } = this;

        this.choice = value;
        this.pending = value === 'auto' ? null : value;

        if (value === 'sound') {
            this.startSound();

        } else if (player.soundOnly) {
            player.reload();

        } else {
            this.prepare();
            this.apply();
        }

        this.changed();
    }


    /* For the next load. */
    prepare() {
        const { choice } = this;

        this.engine.chosen = ['auto', 'sound'].includes(choice) ? null
                                                                : choice;
    }


    async apply() {
        const { choice, engine } = this;
        const can = await engine.choose(engine.chosen);

        if (!can && this.choice === choice) {
            this.settle();
        }

        this.arrived();
    }


    /* The playlist of the sound alone; null unless that is wanted. */
    soundUrl() {
        const { player } = this;
        const entry = player.entry();
        const sound = this.choice === 'sound' ? this.sound(entry) : null;

        return sound && listed(entry, 'video').length > 0
               ? player.mediaUrl(entry.session, sound.name) : null;
    }


    async startSound() {
        const url = this.soundUrl();

        if (url && await this.engine.wake(url) && this.choice === 'sound') {
            this.player.reload();

        } else if (this.choice === 'sound') {
            this.take('auto');
        }
    }


    /* What plays has changed. */
    arrived() {
        const { rendition } = this.engine.facts();

        if (this.pending !== null
            && (rendition === this.pending
                || this.pending === 'sound' && this.player.soundOnly))
        {
            this.pending = null;
            this.changed();
        }
    }


    /*
     * With each news of the server: back to what was chosen when it is there
     * again.  The list of renditions is as old as the player's last start, and
     * for one that is new it has to start anew.
     */
    settle() {
        const { choice, engine, player } = this;
        const known = player.soundOnly ? null : engine?.renditions();

        if (!known?.length) {
            return;
        }

        const names = listed(player.entry(), 'video').map(r => r.name);

        if (names.includes(choice) && known.includes(choice)) {
            if (engine.facts().automatic) {
                engine.choose(choice).then(() => this.arrived());
            }

        } else if (names.includes(choice) && !this.missed.has(choice)) {
            this.missed.add(choice);
            player.reload();

        } else if (player.state === 'buffering'
                   && names.some(name => !known.includes(name)))
        {
            this.reload();
        }
    }


    /* Nothing moves anyway. */
    reload() {
        const now = performance.now();

        if (now - this.reloadedMs > RELOAD_MS) {
            this.reloadedMs = now;
            this.player.reload();
        }
    }


    changed() {
        this.dispatchEvent(new Event('change'));
    }
}
