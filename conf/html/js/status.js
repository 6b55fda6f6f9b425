/*
 * The server's state, polled gently: every few seconds while the page is
 * looked at, less often when it is not or when the server does not answer.
 *
 * Events: "update" after every answer and after the first failure in a row.
 */


const VISIBLE_MS = 4000;
const HIDDEN_MS = 20000;
const EAGER_MS = 1000;
const TIMEOUT_MS = 8000;
const CLOCK_SAMPLES = 8;


export class Status extends EventTarget {

    constructor(url) {
        super();
        this.url = url;
        this.channels = new Map();
        this.viewers = 0;
        this.known = false;          /* there was an answer */
        this.reachable = true;       /* the last one came */
        this.eager = false;          /* something is about to change */
        this.failures = 0;
        this.samples = [];
        this.timer = 0;
        this.asking = false;
        this.askedMs = -Infinity;

        document.addEventListener('visibilitychange', () => {
            if (!document.hidden) {
                this.ask();
            }
        });
    }


    start() {
        this.ask();
    }


    /* Asks now, but never more often than the eager pace. */
    ask() {
        const soonest = this.askedMs + EAGER_MS - performance.now();

        this.schedule(Math.max(0, soonest));
    }


    /* Whether to look often: something is awaited. */
    setEager(eager) {
        if (eager === this.eager) {
            return;
        }

        this.eager = eager;

        if (eager) {
            this.ask();
        }
    }


    /* The server's clock in ms since 1970, as well as it is known. */
    now() {
        let best = null;

        for (const sample of this.samples) {
            if (best === null || sample.rtt < best.rtt) {
                best = sample;
            }
        }

        return Date.now() + (best ? best.offset : 0);
    }


    schedule(ms) {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.poll(), ms);
    }


    pause() {
        if (this.failures > 0) {
            return Math.min(1000 * 2 ** this.failures, HIDDEN_MS);
        }

        if (document.hidden) {
            return HIDDEN_MS;
        }

        return this.eager ? EAGER_MS : VISIBLE_MS;
    }


    async poll() {
        if (this.asking) {
            return;
        }

        this.asking = true;
        this.askedMs = performance.now();

        try {
            await this.fetch();
            this.failures = 0;
            this.reachable = true;
            this.known = true;

        } catch {
            this.failures++;
            this.reachable = false;
        }

        this.asking = false;
        this.schedule(this.pause());

        if (this.failures <= 1) {
            this.dispatchEvent(new Event('update'));
        }
    }


    async fetch() {
        const asked = Date.now();
        const response = await fetch(this.url, {
            cache: 'no-store',
            signal: AbortSignal.timeout(TIMEOUT_MS),
        });

        if (!response.ok) {
            throw new Error(`status ${response.status}`);
        }

        const answered = Date.now();
        const state = await response.json();

        this.learnClock(asked, answered, Date.parse(state.time));
        this.viewers = state.viewers;
        this.channels = new Map(state.channels.map(c => [c.channel, c]));
    }


    learnClock(asked, answered, server) {
        if (Number.isFinite(server)) {
            this.samples.push({
                rtt: answered - asked,
                offset: server - (asked + answered) / 2,
            });
            this.samples.splice(0, this.samples.length - CLOCK_SAMPLES);
        }
    }
}
