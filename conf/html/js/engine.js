/*
 * What plays: hls.js where there are media source extensions, else the
 * browser's own HLS.  Both look the same from outside:
 *
 *   load(url)   (re)starts;  destroy()
 *   resume()    goes on after a network error without starting again
 *   recover()   tries to repair a decoder's error
 *   steer(…)    keeps near the live edge;  forgetStalls()
 *   goLive()    seeks to the live edge;  seekable() → [start, end]
 *   facts()     what it measured
 *   choose(name)  plays that rendition's picture, or with null what suits the
 *               connection; it resolves to whether it can
 *   renditions()  the names of those that can be chosen; null: none can
 *   wake(url)   resolves when there is something of a rendition that sleeps
 *
 * Events: "session" {session}: the playlist's; "switched": another rendition is
 * seen; "failed" {kind, what, started, gone}: kind is "network", "media" or
 * "other"; started: after the first playlist; gone: what was asked for is no
 * longer there.
 */

import { Readiness, renditionOf, wakingController } from './levels.js';


/* Between the playlists' blocking (3 target durations) and giving up. */
const FIRST_BYTE_MS = 20000;
const PLAYLIST_RETRIES = 30;
const MEDIA_RETRIES = 6;
const BACK_BUFFER_S = 30;
const HOLD_BACK_EXTRA_S = 0.2;
const FLUSH_S = 4;

/* Steering towards the aim: begun so far from it, ended so near. */
const FASTER = 1.05;
const FASTER_FAR = 1.1;
const FASTER_MUTED = 1.25;           /* nobody hears it */
const FAR_S = 0.5;
const SLOWER = 0.96;
const STEER_FROM_S = 0.15;
const STEER_TO_S = 0.03;
const FASTER_BUFFER_S = 0.5;


/*
 * Again after a lost connection or a server's error; not after 4xx, which
 * says that the thing is not there: the caller then starts over.
 */
function shouldRetry(retry, n, isTimeout, response) {
    const code = response?.code ?? 0;

    return n < retry.maxNumRetry
           && (isTimeout || code === 0 || code === 408 || code === 429
               || code >= 500);
}


function policy(maxNumRetry, retryDelayMs, maxRetryDelayMs) {
    const retry = {
        maxNumRetry, retryDelayMs, maxRetryDelayMs, backoff: 'exponential',
        shouldRetry,
    };

    return {
        default: {
            maxTimeToFirstByteMs: FIRST_BYTE_MS,
            maxLoadTimeMs: 2 * FIRST_BYTE_MS,
            timeoutRetry: { ...retry, retryDelayMs: 0, maxRetryDelayMs: 0 },
            errorRetry: retry,
        },
    };
}


function hlsConfig(abrController) {
    return {
        lowLatencyMode: true,
        abrController,

        /* it would begin with the smallest rendition, which may be asleep */
        testBandwidth: false,

        /*
         * The distance to the live edge is the playlist's PART-HOLD-BACK
         * (see onLevel); what a stall adds to it is little, since most
         * stalls here are the publisher's.  The engine itself catches up
         * (see steer): hls.js would keep a second in the buffer.
         */
        liveSyncOnStallIncrease: 0.3,
        maxLiveSyncPlaybackRate: 1,

        /* a minute is all that the server keeps */
        backBufferLength: BACK_BUFFER_S,
        maxBufferLength: 20,
        liveDurationInfinity: true,

        /* fMP4 needs no transmuxing, and a worker would need blob: scripts */
        enableWorker: false,
        enableInterstitialPlayback: false,
        enableDateRangeMetadataCues: false,
        enableWebVTT: false,
        enableIMSC1: false,
        enableCEA708Captions: false,

        manifestLoadPolicy: policy(2, 500, 2000),
        playlistLoadPolicy: policy(PLAYLIST_RETRIES, 400, 3000),
        fragLoadPolicy: policy(MEDIA_RETRIES, 250, 2000),
    };
}


/* No variant has codecs that this browser knows. */
const UNDECODABLE = ['manifestIncompatibleCodecsError',
                     'bufferAddCodecError', 'bufferIncompatibleCodecsError'];


/* …/<session>/<rendition>/index.m3u8 */
function sessionOf(url) {
    const parts = new URL(url, location.href).pathname.split('/');

    return parts.length > 3 ? parts[parts.length - 3] : '';
}


/* The rate for a distance from the aim; over: seconds too far behind. */
function steered(rate, over, buffer, muted) {
    if (over > FAR_S && buffer > FASTER_BUFFER_S) {
        return muted ? FASTER_MUTED : FASTER_FAR;
    }

    if (over > STEER_FROM_S && buffer > FASTER_BUFFER_S) {
        return FASTER;
    }

    /* so near to the edge, one late part would be a stall */
    if (over < -STEER_FROM_S) {
        return SLOWER;
    }

    const there = rate > 1 ? over < STEER_TO_S || buffer < FASTER_BUFFER_S
                           : over > -STEER_TO_S;

    return there ? 1 : rate;
}


function fire(target, type, detail = {}) {
    target.dispatchEvent(new CustomEvent(type, { detail }));
}


class HlsEngine extends EventTarget {

    constructor(video, sleeps) {
        super();
        this.video = video;
        this.name = `hls.js ${window.Hls.version}`;
        this.errors = [];
        this.hls = null;
        this.target = 0;
        this.chosen = null;          /* a rendition's name */
        this.readiness = new Readiness(sleeps);
        this.controller = wakingController(window.Hls, this.readiness);
    }


    load(url) {
        this.destroy();
        this.target = 0;

        const { Events } = window.Hls;
        const hls = this.hls = new window.Hls(hlsConfig(this.controller));

        hls.on(Events.LEVEL_LOADED, (_, data) => this.onLevel(data.details));
        hls.on(Events.ERROR, (_, data) => this.onError(data));
        hls.on(Events.MANIFEST_PARSED, () => this.choose(this.chosen));
        hls.on(Events.LEVEL_SWITCHED, () => fire(this, 'switched'));

        hls.loadSource(url);
        hls.attachMedia(this.video);
    }


    destroy() {
        this.hls?.destroy();
        this.hls = null;
    }


    resume() {
        this.hls?.startLoad();
    }


    recover() {
        this.hls?.recoverMediaError();
    }


    /* What plays goes on until the other one is ready. */
    async choose(name) {
        const { hls } = this;
        const levels = hls?.levels ?? [];
        const at = levels.findIndex(l => renditionOf(l.uri) === name);

        this.chosen = name;

        if (name === null) {
            if (hls && !hls.autoLevelEnabled) {
                hls.loadLevel = -1;
            }

            return true;
        }

        if (at < 0 || !await this.readiness.wake(levels[at].uri)) {
            return false;
        }

        if (hls === this.hls && name === this.chosen
            && hls.manualLevel !== at)
        {
            this.goOver(at);
        }

        return true;
    }


    /* What is buffered is thrown away only where it would last for long. */
    goOver(level) {
        const { hls } = this;

        if (hls.mainForwardBufferInfo?.len > FLUSH_S) {
            hls.nextLevel = level;
        } else {
            hls.loadLevel = level;
        }
    }


    renditions() {
        return this.hls?.levels?.map(l => renditionOf(l.uri)) ?? [];
    }


    wake(url) {
        return this.readiness.wake(url);
    }


    onLevel(details) {
        const target = details.partHoldBack
                       ? details.partHoldBack + HOLD_BACK_EXTRA_S : 0;

        if (target && this.target !== target) {
            this.target = target;
            this.hls.targetLatency = target;
        }

        fire(this, 'session', { session: sessionOf(details.url) });
    }


    /* A little faster or slower; buffer: the seconds ahead. */
    steer(buffer, allowed) {
        const { hls, video } = this;

        if (!hls) {
            return;
        }

        const rate = allowed
            ? steered(video.playbackRate, hls.latency - hls.targetLatency,
                      buffer, video.muted) : 1;

        if (rate !== video.playbackRate) {
            video.playbackRate = rate;
        }
    }


    /* The wait for a publisher is no reason to keep more distance. */
    forgetStalls() {
        if (this.hls && this.target) {
            this.hls.targetLatency = this.target;
        }
    }


    onError(data) {
        const { ErrorTypes } = window.Hls;
        const what = `${data.details}${data.response?.code
                                       ? ` ${data.response.code}` : ''}`;

        this.errors.push(data.fatal ? `${what}!` : what);
        this.errors.splice(0, this.errors.length - 50);

        if (!data.fatal) {
            return;
        }

        const kinds = {
            [ErrorTypes.NETWORK_ERROR]: 'network',
            [ErrorTypes.MEDIA_ERROR]: 'media',
        };

        fire(this, 'failed', {
            kind: kinds[data.type] ?? 'other',
            what,
            started: data.details !== 'manifestLoadError'
                     && data.details !== 'manifestLoadTimeOut'
                     && data.details !== 'manifestParsingError',
            codec: UNDECODABLE.includes(data.details),
            gone: data.response?.code === 404 || data.response?.code === 410,
        });
    }


    goLive() {
        const position = this.hls?.liveSyncPosition;

        if (Number.isFinite(position)) {
            this.video.currentTime = position;
        }
    }


    seekable() {
        const details = this.hls?.latestLevelDetails;

        return details ? [details.fragmentStart, details.edge] : null;
    }


    facts() {
        const hls = this.hls;

        if (!hls) {
            return {};
        }

        const date = hls.playingDate;
        const level = hls.levels?.[hls.currentLevel];

        return {
            pictureMs: date ? date.getTime() : NaN,
            behind: hls.latency || NaN,
            target: hls.targetLatency ?? NaN,
            bandwidth: hls.bandwidthEstimate,
            rendition: level ? renditionOf(level.uri) : undefined,
            automatic: hls.autoLevelEnabled,
        };
    }
}


class NativeEngine extends EventTarget {

    constructor(video) {
        super();
        this.video = video;
        this.name = 'built in';
        this.errors = [];

        video.addEventListener('error', () => this.onError());
    }


    load(url) {
        this.video.src = url;
        this.video.load();
    }


    destroy() {
        this.video.removeAttribute('src');
        this.video.load();
    }


    resume() {}
    recover() {}
    steer() {}
    forgetStalls() {}
    renditions() { return null; }
    async choose(name) { return name === null; }
    async wake() { return true; }


    onError() {
        if (this.video.hasAttribute('src')) {
            const what = this.video.error?.message || 'media error';

            this.errors.push(what);
            fire(this, 'failed', { kind: 'other', what, started: false });
        }
    }


    goLive() {
        const range = this.seekable();

        if (range) {
            this.video.currentTime = range[1];
        }
    }


    seekable() {
        const { seekable } = this.video;

        return seekable.length > 0
               ? [seekable.start(0), seekable.end(seekable.length - 1)]
               : null;
    }


    facts() {
        const start = this.video.getStartDate?.().getTime() ?? NaN;
        const range = this.seekable();

        return {
            pictureMs: start + this.video.currentTime * 1000,
            behind: range ? range[1] - this.video.currentTime : NaN,
            target: NaN,
            bandwidth: NaN,
        };
    }
}


/*
 * null when this browser can play nothing of ours.  sleeps(name) says whether
 * a rendition is known to be asleep.
 */
export function createEngine(video, sleeps) {
    if (window.Hls?.isSupported()) {
        return new HlsEngine(video, sleeps);
    }

    return video.canPlayType('application/vnd.apple.mpegurl')
           ? new NativeEngine(video) : null;
}
