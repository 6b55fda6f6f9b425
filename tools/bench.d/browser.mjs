// How old the picture is that Chromium shows: the clock in the picture (see
// clock_picture in tools/bench) read back from the page's player, every frame
// that is presented.  node browser.mjs MODULES URL WARMUP_S SECONDS

import { createRequire } from 'node:module';

const [modules, url, warmup, seconds] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)('playwright-core');

const BITS = 20;                     // of milliseconds, a column each


// In the page: ages of presented frames, in ms, and what was not smooth.
function watch(bits) {
    const video = document.querySelector('video');
    const canvas = document.createElement('canvas');
    const context = canvas.getContext('2d', { willReadFrequently: true });
    const range = 2 ** bits;

    window.bench = { ages: [], waits: 0, unread: 0 };
    video.addEventListener('waiting', () => window.bench.waits++);

    const read = now => {
        const { data } = context.getImageData(0, canvas.height / 2,
                                              canvas.width, 1);
        let clock = 0;

        for (let bit = 0; bit < bits; bit++) {
            const x = Math.floor((bit + 0.5) * canvas.width / bits);
            clock += data[4 * x] > 127 ? 2 ** bit : 0;
        }

        const age = (now % range - clock + range) % range;

        // a frame whose clock ticked while it was drawn reads as nonsense
        if (age < 20000) {
            window.bench.ages.push(age);
        } else {
            window.bench.unread++;
        }
    };

    const frame = () => {
        const now = Date.now();

        canvas.width = video.videoWidth;
        canvas.height = video.videoHeight;
        context.drawImage(video, 0, 0);
        read(now);
        video.requestVideoFrameCallback(frame);
    };

    video.requestVideoFrameCallback(frame);
}


const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic',
           '--no-first-run', '--disable-background-networking',
           '--disable-component-update', '--disable-sync',
           '--autoplay-policy=no-user-gesture-required'],
});

const page = await browser.newPage();
await page.goto(url);
await page.waitForTimeout(1000 * warmup);
await page.evaluate(watch, BITS);
await page.waitForTimeout(1000 * seconds);

const { ages, waits, unread } = await page.evaluate(() => window.bench);
await browser.close();

ages.sort((a, b) => a - b);
const at = share => ages[Math.floor(share * (ages.length - 1))];

console.log(JSON.stringify({
    result: 'glass_to_glass', frames: ages.length, frames_unread: unread,
    stalls: waits, age_min_ms: at(0), age_p50_ms: at(0.5), age_p99_ms: at(0.99),
    age_max_ms: at(1),
}));

process.exit(ages.length > 10 ? 0 : 1);
