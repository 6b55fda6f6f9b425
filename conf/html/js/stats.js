/* The panel of figures over the picture, on demand. */

import { bitrate, clock, picture, seconds } from './format.js';


const DRAW_MS = 500;


function kind(entry, name) {
    return entry?.renditions.find(r => r.kind === name);
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
        const video = kind(entry, 'video');
        const audio = kind(entry, 'audio');
        const own = r.width ? `${r.width}×${r.height}` : '';

        return [
            ['Latency', `${seconds(r.age, 2)} (edge ${seconds(r.behind, 2)}, `
                        + `aim ${seconds(r.target, 2)})`],
            ['Buffer', `${seconds(r.buffer, 2)} at ${r.rate.toFixed(2)}×`],
            ['Picture', picture(video) || own],
            ['Bitrate', [bitrate(video?.bitrate), bitrate(audio?.bitrate)]
                        .join(' + ')],
            ['Codecs', [video?.codecs, audio?.codecs].filter(Boolean)
                       .join(', ')],
            ['Keyframes', video ? `every ${seconds(video.keyframe_interval)}`
                                : ''],
            ['Frames dropped', `${r.dropped} of ${r.frames} here`
                               + (video ? `, ${video.dropped_frames} at the `
                                          + 'source' : '')],
            ['Stalls', `${r.stalls}, loaded ${r.loads}×`],
            ['Connection', r.bandwidth > 0 ? bitrate(r.bandwidth) : ''],
            ['Session', r.session
                        + (entry ? `, ${clock(entry.uptime)}` : '')],
            ['Player', r.engine],
        ];
    }
}
