/* The panel of figures over the picture, on demand. */

import { bitrate, clock, picture, seconds } from './format.js';
import { title } from './quality.js';


const DRAW_MS = 500;


function named(entry, name) {
    return entry?.renditions.find(r => r.name === name);
}


/* Whether it is the source's own, or who makes it and what that takes. */
function making(rendition) {
    const { rung } = rendition;

    if (!rung) {
        return 'as it came';
    }

    return rung.state === 'on'
           ? `${rung.device === 'cuda' ? 'graphics card' : 'CPU'}, adds `
             + `${Math.round(rung.latency * 1000)} ms`
           : `${rung.state}: ${rung.reason}`;
}


/* Before they came here. */
function dropped(entry, video) {
    const source = named(entry, 'video');
    const { rung } = video ?? {};

    return (source ? `, ${source.dropped_frames} at the source` : '')
           + (rung ? `, ${rung.late_frames + rung.full_frames} at the server`
                   : '');
}


export class Stats {

    constructor(player, box, list, warnings) {
        this.player = player;
        this.box = box;
        this.list = list;
        this.warnings = warnings;
        this.cells = new Map();
        this.timer = 0;
    }


    /* Whether it is shown now. */
    toggle() {
        this.box.hidden = !this.box.hidden;
        clearInterval(this.timer);

        if (!this.box.hidden) {
            this.draw();
            this.timer = setInterval(() => this.draw(), DRAW_MS);
        }

        return !this.box.hidden;
    }


    draw() {
        const entry = this.player.entry();

        for (const [name, value] of this.rows(this.player.report(), entry)) {
            this.cell(name).textContent = value || '–';
        }

        this.warnings.replaceChildren(...(entry?.warnings ?? []).map(text => {
            const item = document.createElement('li');

            item.textContent = text;
            return item;
        }));
    }


    cell(name) {
        if (!this.cells.has(name)) {
            const term = document.createElement('dt');
            const value = document.createElement('dd');

            term.textContent = name;
            this.list.append(term, value);
            this.cells.set(name, value);
        }

        return this.cells.get(name);
    }


    rows(r, entry) {
        const sound = this.player.soundOnly;
        const video = sound ? undefined
                            : named(entry, r.rendition) ?? named(entry, 'video');
        const audio = named(entry, sound ? r.rendition : 'audio');
        const shown = video ?? audio;
        const own = r.width ? `${r.width}×${r.height}` : '';

        return [
            ['Latency', `${seconds(r.age, 2)} (edge ${seconds(r.behind, 2)}, `
                        + `aim ${seconds(r.target, 2)})`],
            ['Buffer', `${seconds(r.buffer, 2)} at ${r.rate.toFixed(2)}×`],
            ['Quality', shown ? `${title(shown.name)}, ${making(shown)}` : ''],
            ['Picture', picture(video) || own],
            ['Bitrate', [video, audio].filter(Boolean)
                        .map(x => bitrate(x.bitrate)).join(' + ')],
            ['Codecs', [video?.codecs, audio?.codecs].filter(Boolean)
                       .join(', ')],
            ['Keyframes', video ? `every ${seconds(video.keyframe_interval)}`
                                : ''],
            ['Frames dropped', `${r.dropped} of ${r.frames} here`
                               + dropped(entry, video)],
            ['Stalls', `${r.stalls}, loaded ${r.loads}×`],
            ['Connection', r.bandwidth > 0 ? bitrate(r.bandwidth) : ''],
            ['Session', r.session
                        + (entry ? `, ${clock(entry.uptime)}` : '')],
            ['Player', r.engine],
        ];
    }
}
