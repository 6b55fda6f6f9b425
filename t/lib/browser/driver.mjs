// A headless Chromium on a leash: one JSON command a line in, one JSON answer
// a line out.  Onair::Browser holds the other end.

import readline from 'node:readline';
import { createRequire } from 'node:module';

const modules = process.argv[2];
const options = JSON.parse(process.argv[3]);
const { chromium } = createRequire(`${modules}/`)('playwright-core');

const FLAGS = [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--autoplay-policy=no-user-gesture-required',
];

const problems = [];


// Seen from outside the page's own code: waits of a video that had played.
function watchVideo() {
    window.seen = { waits: [], states: [] };
    performance.setResourceTimingBufferSize(20000);

    const played = new WeakSet();

    document.addEventListener('timeupdate', e => {
        if (e.target.currentTime > 0 && !e.target.paused) {
            played.add(e.target);
        }
    }, true);
    document.addEventListener('waiting', e => {
        if (played.has(e.target) && !e.target.seeking) {
            window.seen.waits.push(e.target.currentTime);
        }
    }, true);
    document.addEventListener('DOMContentLoaded', () => {
        const player = document.getElementById('player');
        const note = () => {
            const { states } = window.seen;

            if (states[states.length - 1] !== player.dataset.state) {
                states.push(player.dataset.state);
            }
        };

        note();
        new MutationObserver(note).observe(player, {
            attributes: true, attributeFilter: ['data-state'],
        });
    });
}


async function open() {
    const context = await browser.newContext({
        viewport: { width: options.width, height: options.height },
        colorScheme: options.scheme,
        hasTouch: options.touch,
        isMobile: options.touch,
    });
    const page = await context.newPage();

    page.on('pageerror', e => problems.push(`exception: ${e.message}`));
    page.on('console', m => {
        if (m.type() === 'error') {
            problems.push(`console: ${m.text()} (${m.location().url})`);
        }
    });
    await page.addInitScript(watchVideo);

    return page;
}


const browser = await chromium.launch({
    executablePath: options.executable, headless: true, args: FLAGS,
    // the tests' temporary directories may be all that is writable
    env: { ...process.env, HOME: options.home },
});
const page = await open();

// By evaluate(): the page's policy forbids what waitForFunction() does.
async function waitFor(code, ms) {
    const deadline = Date.now() + ms;

    while (!await page.evaluate(code)) {
        if (Date.now() > deadline) {
            return false;
        }

        await new Promise(resolve => setTimeout(resolve, 50));
    }

    return true;
}


const commands = {
    open: async url => { await page.goto(url); },
    eval: code => page.evaluate(code),
    wait: waitFor,
    press: async key => { await page.keyboard.press(key); },
    click: async selector => { await page.click(selector); },
    shot: async (path, full) => {
        await page.screenshot({ path, fullPage: full });
    },
    size: async (width, height) => {
        await page.setViewportSize({ width, height });
    },
    problems: async () => problems.splice(0),
    quit: async () => { await browser.close(); },
};

for await (const line of readline.createInterface({ input: process.stdin })) {
    const [name, ...args] = JSON.parse(line);
    let answer;

    try {
        answer = { value: await commands[name](...args) ?? null };
    } catch (e) {
        answer = { error: e.message };
    }

    process.stdout.write(`${JSON.stringify(answer)}\n`);

    if (name === 'quit') {
        break;
    }
}

await browser.close();
