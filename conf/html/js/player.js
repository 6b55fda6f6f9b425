/*
 * Plays one channel and says how it fares.  It is told the channel's state
 * (from the server's status) and hears the engine and the video element;
 * from these follows one of the states below.
 *
 * Event: "change" when state, session or sound changed.
 */

import { createEngine } from './engine.js';
import { Quality, asleep } from './quality.js';


export const STATES = {
    idle: 'No channel chosen',
    offline: 'Offline',
    connecting: 'Connecting',
    playing: 'Playing',
    paused: 'Paused',
    blocked: 'Ready to play',
    buffering: 'Buffering',
    reconnecting: 'Reconnecting',
    ended: 'Ended',
    unsupported: 'Not supported',
};

const TICK_MS = 250;
const BUFFERING_MS = 500;            /* shorter stalls are not shown */
const BACKOFF_FIRST_MS = 300;
const BACKOFF_MAX_MS = 8000;
const STEADY_MS = 10000;             /* of playing; then all is forgiven */
const FAR_BEHIND_S = 6;              /* more than it should be */
const BEHIND_AFTER_STALL_S = 1;
const MEDIA_REPAIRS = 2;


/* Of a session that is so old, what is listed is not waited for. */
const SETTLED_SEGMENTS = 5;

/*
 * hls.js wants a whole segment in a playlist.  The source has to be there, and
 * in the beginning the rungs that are on, lest they are missing in the list of
 * renditions; those that sleep have nothing and are not waited for.
 */
function begun(entry) {
    const source = entry.renditions.filter(r => !r.rung);
    const rungs = entry.renditions.filter(r => r.rung?.state === 'on');
    const there = r => r.edge?.msn > 0;

    return source.length > 0 && source.every(there)
           && (rungs.every(there)
               || source.every(r => r.edge.msn > SETTLED_SEGMENTS));
}


export class Player extends EventTarget {

    constructor(video, liveUrl, status) {
        super();
        this.video = video;
        this.liveUrl = liveUrl;
        this.status = status;
        this.engine = createEngine(video, name => this.sleeps(name));
        this.quality = new Quality(this);
        this.soundOnly = false;      /* though there is a picture */
        this.channel = null;
        this.state = this.engine ? 'idle' : 'unsupported';
        this.wantsPause = false;
        this.rewound = false;        /* the viewer went back on purpose */
        this.reset();

        if (this.engine) {
            this.listen();
            setInterval(() => this.tick(), TICK_MS);
        }
    }


    /* --- what the page asks for -------------------------------------- */

    open(channel) {
        if (channel === this.channel || !this.engine) {
            return;
        }

        this.engine.destroy();
        this.channel = channel;
        this.wantsPause = false;
        this.reset();
        this.follow();
        this.update();
    }


    async play() {
        this.wantsPause = false;

        if (this.loaded && !this.rewound) {
            this.engine.goLive();
        }

        await this.start();
    }


    pause() {
        this.wantsPause = true;
        this.video.pause();
        this.update();
    }


    seekBy(seconds) {
        const range = this.engine?.seekable();

        if (!range || !this.loaded) {
            return;
        }

        const wanted = this.video.currentTime + seconds;

        if (wanted >= range[1] - 1) {
            this.goLive();
            return;
        }

        this.rewound = true;
        this.video.currentTime = Math.max(wanted, range[0] + 0.5);
    }


    goLive() {
        this.rewound = false;
        this.engine?.goLive();

        if (this.video.paused) {
            this.play();
        }
    }


    /* Where playing stands, for people and for tests. */
    report() {
        const { video } = this;
        const facts = this.engine?.facts() ?? {};
        const quality = video.getVideoPlaybackQuality?.();
        const age = (this.status.now() - facts.pictureMs) / 1000;

        return {
            state: this.state,
            engine: this.engine?.name,
            session: this.session,
            time: video.currentTime,
            age: age > -1 && age < 3600 ? age : NaN,
            rendition: facts.rendition,
            automatic: facts.automatic,
            choice: this.quality.choice,
            behind: facts.behind,
            target: facts.target,
            bandwidth: facts.bandwidth,
            buffer: this.buffered(),
            rate: video.playbackRate,
            width: video.videoWidth,
            height: video.videoHeight,
            frames: quality?.totalVideoFrames ?? 0,
            dropped: quality?.droppedVideoFrames ?? 0,
            stalls: this.stalls,
            loads: this.loads,
            errors: [...this.engine?.errors ?? []],
        };
    }


    /* --- the server's view ------------------------------------------- */

    /* The channel as the status tells it; undefined when it does not. */
    entry() {
        return this.status.channels.get(this.channel);
    }


    /* Whether a rendition is not there at once, as well as it is known. */
    sleeps(name) {
        const rendition = this.entry()?.renditions.find(r => r.name === name);

        return rendition !== undefined
               && (asleep(rendition) || !(rendition.edge?.msn > 0));
    }


    mediaUrl(session, name) {
        return `${this.liveUrl}${encodeURIComponent(this.channel)}/${session}`
               + `/${name}/index.m3u8`;
    }


    /* Loads what is on air, and goes over to a new session by itself. */
    follow() {
        const entry = this.entry();

        if (!this.channel || !entry || entry.state === 'ended'
            || !begun(entry))
        {
            return;
        }

        this.seen = true;

        if (!this.loaded && !this.retryTimer) {
            this.load();

        } else if (this.loaded && this.session !== null
                   && entry.session !== this.session)
        {
            this.reset();
            this.load();
        }
    }


    /* --- loading ----------------------------------------------------- */

    reset() {
        clearTimeout(this.retryTimer);
        this.retryTimer = 0;
        this.loaded = false;
        this.session = null;
        this.seen = false;           /* it was on air while we looked */
        this.failures = 0;
        this.repairs = 0;
        this.undecodable = false;
        this.stalls = 0;
        this.loads = 0;
        this.begun = false;          /* a picture has moved */
        this.finished = false;
        this.blocked = false;
        this.rewound = false;
        this.waitingSince = 0;
        this.playingSince = 0;
    }


    load() {
        clearTimeout(this.retryTimer);
        this.retryTimer = 0;
        this.loaded = true;
        this.finished = false;
        this.session = this.entry()?.session ?? null;
        this.waitingSince = 0;
        this.loads++;

        const sound = this.quality.soundUrl();

        this.soundOnly = sound !== null;
        this.quality.prepare();
        this.engine.load(sound ?? `${this.liveUrl}`
            + `${encodeURIComponent(this.channel)}/index.m3u8`);

        if (!this.wantsPause) {
            this.start();
        }
    }


    /* For another list of renditions, or one alone: no stall, a new start. */
    reload() {
        this.begun = false;
        this.load();
    }


    async start() {
        try {
            await this.video.play();
            this.blocked = false;

        } catch (error) {
            if (error.name === 'NotAllowedError') {
                await this.startMuted();
            }
        }

        this.update();
    }


    /* Without a click the browser lets a page play without sound at most. */
    async startMuted() {
        if (this.video.muted) {
            this.blocked = true;
            return;
        }

        this.video.muted = true;
        this.dispatchEvent(new Event('change'));

        try {
            await this.video.play();
            this.blocked = false;

        } catch (error) {
            this.blocked = error.name === 'NotAllowedError';
        }
    }


    /* First gently, then anew and anew, ever more slowly. */
    onFailed({ kind, started, gone, codec }) {
        this.failures++;
        this.status.ask();

        /* the next broadcast may have another */
        if (codec) {
            this.undecodable = true;
            this.retryLater();
            return;
        }

        if (this.soundOnly && gone) {
            this.quality.take('auto');
            return;
        }

        if (kind === 'media' && this.repairs < MEDIA_REPAIRS) {
            this.repairs++;
            this.engine.recover();
            this.start();
            return;
        }

        if (kind === 'network' && started && !gone && this.failures === 1) {
            this.engine.resume();
            return;
        }

        this.retryLater();
    }


    retryLater() {
        const ms = Math.min(BACKOFF_FIRST_MS * 2 ** (this.failures - 1),
                            BACKOFF_MAX_MS);

        clearTimeout(this.retryTimer);
        this.retryTimer = setTimeout(() => this.retry(), ms);
    }


    retry() {
        const entry = this.entry();

        this.retryTimer = 0;

        if (this.status.reachable && (!entry || entry.state === 'ended')) {
            this.engine.destroy();
            this.loaded = false;
            this.update();
            return;
        }

        this.load();
    }


    /* --- listening --------------------------------------------------- */

    listen() {
        const { video, engine } = this;

        engine.addEventListener('session', e => {
            this.session = e.detail.session;
            this.quality.arrived();
        });
        engine.addEventListener('switched', () => {
            this.quality.arrived();
            this.dispatchEvent(new Event('change'));
        });
        engine.addEventListener('failed', e => {
            this.onFailed(e.detail);
            this.update();
        });

        video.addEventListener('waiting', () => this.onWaiting());
        video.addEventListener('playing', () => this.onPlaying());
        video.addEventListener('timeupdate', () => this.onTime());
        video.addEventListener('ended', () => {
            this.finished = true;
            this.status.ask();
            this.update();
        });

        for (const type of ['pause', 'play', 'volumechange']) {
            video.addEventListener(type, () => {
                this.update();
                this.dispatchEvent(new Event('change'));
            });
        }

        this.status.addEventListener('update', () => {
            this.follow();
            this.quality.settle();
            this.update();
        });
    }


    onWaiting() {
        if (this.video.seeking || this.wantsPause) {
            return;
        }

        if (this.begun && !this.waitingSince) {
            this.stalls++;
        }

        this.waitingSince ||= performance.now();
        this.playingSince = 0;
    }


    onPlaying() {
        if (this.waitingSince
            && performance.now() - this.waitingSince > BUFFERING_MS)
        {
            this.engine.forgetStalls();
            this.jump(BEHIND_AFTER_STALL_S);
        }

        this.waitingSince = 0;
        this.playingSince ||= performance.now();
        this.blocked = false;
        this.undecodable = false;
        this.update();
    }


    onTime() {
        if (!this.video.paused && this.video.readyState > 2) {
            this.begun = true;
        }

        if (this.playingSince
            && performance.now() - this.playingSince > STEADY_MS)
        {
            this.failures = 0;
            this.repairs = 0;
        }
    }


    tick() {
        this.catchUp();
        this.update();
    }


    /* A little behind: faster.  After a sleep or a long stall: a jump. */
    catchUp() {
        const live = this.state === 'playing' && !this.rewound;

        this.engine.steer(this.buffered(), live);

        if (live && !document.hidden) {
            this.jump(FAR_BEHIND_S);
        }
    }


    /* To the live edge, when it is further away than it should be. */
    jump(limit) {
        const { behind, target } = this.engine.facts();

        if (!this.rewound && behind - (target || 0) > limit) {
            this.engine.goLive();
        }
    }


    buffered() {
        const { buffered, currentTime } = this.video;

        for (let i = 0; i < buffered.length; i++) {
            if (buffered.start(i) <= currentTime + 0.1
                && currentTime < buffered.end(i))
            {
                return buffered.end(i) - currentTime;
            }
        }

        return 0;
    }


    /* --- the state --------------------------------------------------- */

    update() {
        const state = this.engine ? this.derive() : 'unsupported';

        this.status.setEager(['connecting', 'buffering', 'reconnecting',
                              'offline', 'ended'].includes(state)
                             && !document.hidden);

        if (state !== this.state) {
            this.state = state;
            this.dispatchEvent(new Event('change'));
        }
    }


    derive() {
        if (!this.channel) {
            return 'idle';
        }

        const entry = this.entry();
        const over = this.status.known && this.status.reachable
                     && (!entry || entry.state === 'ended');

        if (!this.loaded || this.finished) {
            return this.stateWithoutMedia(entry, over);
        }

        if (this.undecodable && !over) {
            return 'unsupported';
        }

        if (this.blocked) {
            return 'blocked';
        }

        if (this.wantsPause) {
            return 'paused';
        }

        return this.moving() ? 'playing' : this.stateOfWait(entry, over);
    }


    stateWithoutMedia(entry, over) {
        if (entry?.state === 'ended' || this.finished) {
            return 'ended';
        }

        if (over) {
            return this.seen ? 'ended' : 'offline';
        }

        return this.seen ? 'reconnecting' : 'connecting';
    }


    moving() {
        const { video } = this;

        if (!this.begun || video.paused) {
            return false;
        }

        return !this.waitingSince
               || performance.now() - this.waitingSince < BUFFERING_MS;
    }


    stateOfWait(entry, over) {
        if (over) {
            return 'ended';
        }

        if (entry?.state === 'grace' || !this.status.reachable
            || this.failures > 0)
        {
            return 'reconnecting';
        }

        return this.begun ? 'buffering' : 'connecting';
    }
}
