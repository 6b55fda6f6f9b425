/*
 * The renditions among which hls.js chooses, some of which are asleep: they
 * begin when somebody asks for them, and until their first segment is whole
 * there is nothing of them to play.  So they are woken first, while the one
 * that plays goes on, and gone over to when they are ready.
 */


const READY_MS = 10000;              /* what was there then is there still */
const GONE_MS = 30000;
const ASK_AGAIN_MS = 300;
const ASKS = 40;


/* …/<session>/<rendition>/index.m3u8 */
export function renditionOf(url) {
    const parts = new URL(url, location.href).pathname.split('/');

    return parts[parts.length - 2] ?? '';
}


export class Readiness {

    /* sleeps(name): whether the server says so, as well as it is known */
    constructor(sleeps) {
        this.sleeps = sleeps;
        this.known = new Map();      /* by address: { ready, gone, asking } */
    }


    of(url) {
        if (!this.known.has(url)) {
            this.known.set(url, { ready: -Infinity, gone: -Infinity,
                                  asking: null });
        }

        return this.known.get(url);
    }


    gone(url) {
        return performance.now() - this.of(url).gone < GONE_MS;
    }


    /* For sure, since it was asked for; or as far as the server has said. */
    surely(url) {
        return performance.now() - this.of(url).ready < READY_MS;
    }


    likely(url) {
        return !this.gone(url)
               && (this.surely(url) || !this.sleeps(renditionOf(url)));
    }


    /* Resolves to whether there is a segment of it. */
    wake(url) {
        const state = this.of(url);

        if (this.surely(url)) {
            return Promise.resolve(true);
        }

        state.asking ??= this.ask(url).then(there => {
            state.asking = null;
            state[there ? 'ready' : 'gone'] = performance.now();

            return there;
        });

        return state.asking;
    }


    async ask(url) {
        for (let i = 0; i < ASKS; i++) {
            try {
                const response = await fetch(url, { cache: 'no-store' });

                if (!response.ok) {
                    return false;
                }

                if ((await response.text()).includes('#EXTINF')) {
                    return true;
                }
            } catch {
                return false;
            }

            await new Promise(resolve => setTimeout(resolve, ASK_AGAIN_MS));
        }

        return false;
    }
}


/* Of those that are there, from the one wanted downwards, then upwards. */
function instead(levels, wanted, isThere) {
    const down = levels.map((_, i) => i).slice(0, wanted + 1).reverse();
    const up = levels.map((_, i) => i).slice(wanted + 1);

    return [...down, ...up].find(isThere) ?? wanted;
}


/* The level to go over to now, when hls.js wants that one. */
function usable(hls, readiness, wanted) {
    const { levels, loadLevel: current } = hls;
    const likely = i => readiness.likely(levels[i].uri);

    if (!levels[wanted] || wanted === current) {
        return wanted;
    }

    /* nothing plays, or no more: what sleeps does not help */
    if (!levels[current] || levels[current].loadError > 0) {
        return instead(levels, wanted, i => i !== current && likely(i));
    }

    if (wanted < current && likely(wanted)
        || readiness.surely(levels[wanted].uri))
    {
        return wanted;
    }

    if (!readiness.gone(levels[wanted].uri)) {
        readiness.wake(levels[wanted].uri);
    }

    return wanted > current ? current
                            : instead(levels.slice(0, current + 1), wanted,
                                      likely);
}


/* A controller for hls.js that goes over to no level that is not ready. */
export function wakingController(Hls, readiness) {
    return class extends Hls.DefaultConfig.abrController {

        get nextAutoLevel() {
            return usable(this.hls, readiness, super.nextAutoLevel);
        }

        set nextAutoLevel(level) {
            super.nextAutoLevel = usable(this.hls, readiness, level);
        }

        get firstAutoLevel() {
            return usable(this.hls, readiness, super.firstAutoLevel);
        }
    };
}
