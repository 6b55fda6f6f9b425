/* The button that says which quality plays, and its menu. */

import { title } from './quality.js';


const byId = id => document.getElementById(id);


function createItem({ value, title: text, facts }) {
    const item = document.createElement('button');

    item.type = 'button';
    item.className = 'menu-item';
    item.tabIndex = -1;
    item.dataset.value = value;
    item.setAttribute('role', 'menuitemradio');

    for (const [name, words] of [['menu-title', text], ['menu-facts', facts]]) {
        const part = document.createElement('span');

        part.className = name;
        part.textContent = words;
        item.append(part);
    }

    return item;
}


export class Menu {

    constructor(player) {
        this.player = player;
        this.quality = player.quality;
        this.button = byId('quality');
        this.box = byId('menu');
        this.text = '';              /* of the items, as they were made */

        this.button.addEventListener('click', () => this.toggle());
        this.button.addEventListener('keydown', e => this.onButtonKey(e));
        this.box.addEventListener('click', e => this.onClick(e));
        this.box.addEventListener('keydown', e => this.onKey(e));
        this.box.addEventListener('focusout', e => this.onFocusOut(e));
        document.addEventListener('pointerdown', e => this.onPointer(e));

        for (const target of [player, player.status, this.quality]) {
            target.addEventListener('change', () => this.draw());
            target.addEventListener('update', () => this.draw());
        }

        this.draw();
    }


    get open() {
        return !this.box.hidden;
    }


    items() {
        return [...this.box.children];
    }


    toggle() {
        if (this.open) {
            this.close(true);

        } else if (!this.button.hidden) {
            this.box.hidden = false;
            this.button.setAttribute('aria-expanded', 'true');
            this.draw();
            this.focus(this.items().findIndex(
                item => item.getAttribute('aria-checked') === 'true'));
        }
    }


    close(back) {
        this.box.hidden = true;
        this.button.setAttribute('aria-expanded', 'false');

        if (back) {
            this.button.focus();
        }
    }


    focus(i) {
        const items = this.items();

        items[Math.min(Math.max(i, 0), items.length - 1)]?.focus();
    }


    /* --- what is done with it ---------------------------------------- */

    onButtonKey(event) {
        if (['ArrowUp', 'ArrowDown'].includes(event.key) && !this.open) {
            event.preventDefault();
            event.stopPropagation();
            this.toggle();
        }
    }


    onClick(event) {
        const item = event.target.closest('.menu-item');

        if (item) {
            this.quality.choose(item.dataset.value);
            this.close(true);
        }
    }


    onKey(event) {
        const items = this.items();
        const i = items.indexOf(document.activeElement);
        const next = {
            ArrowDown: (i + 1) % items.length,
            ArrowUp: (i + items.length - 1) % items.length,
            Home: 0,
            End: items.length - 1,
        }[event.key];

        if (next !== undefined) {
            event.preventDefault();
            items[next]?.focus();

        } else if (event.key === 'Escape' || event.key === 'q') {
            event.preventDefault();
            this.close(true);
        }
    }


    onFocusOut(event) {
        const to = event.relatedTarget;

        if (to && !this.box.contains(to) && to !== this.button) {
            this.close(false);
        }
    }


    onPointer(event) {
        if (this.open && !this.box.contains(event.target)
            && !this.button.contains(event.target))
        {
            this.close(false);
        }
    }


    /* --- drawing ----------------------------------------------------- */

    draw() {
        const options = this.quality.options();

        this.button.hidden = options.length === 0;

        if (options.length === 0) {
            this.close(false);
            return;
        }

        this.drawButton();

        if (this.open) {
            this.drawItems(options);
        }
    }


    /* What plays, which with "Auto" may be any. */
    drawButton() {
        const { choice, pending } = this.quality;
        const { rendition, automatic } = this.player.report();
        const playing = this.player.soundOnly ? title('sound')
                        : rendition ? title(rendition) : '';
        const auto = automatic && !this.player.soundOnly ? title('auto') : '';
        const text = pending ? `${title(pending)}…`
                     : [auto, playing].filter(Boolean).join(' · ');

        byId('quality-text').textContent = text || title(choice);
        this.button.setAttribute('aria-label',
                                 `Quality: ${text || title(choice)}`);
        this.button.classList.toggle('waits', pending !== null);
    }


    /* Made anew only when they differ: the focus stays. */
    drawItems(options) {
        const text = JSON.stringify(options);

        if (text !== this.text) {
            const focused = document.activeElement?.dataset?.value;

            this.text = text;
            this.box.replaceChildren(...options.map(createItem));

            if (focused !== undefined) {
                this.focus(options.findIndex(o => o.value === focused));
            }
        }

        const { choice } = this.quality;
        const checked = options.some(o => o.value === choice) ? choice
                                                              : 'auto';
        const { rendition } = this.player.report();
        const playing = this.player.soundOnly ? 'sound' : rendition;

        for (const item of this.items()) {
            const { value } = item.dataset;

            item.setAttribute('aria-checked', String(value === checked));
            item.classList.toggle('plays', value === playing);
        }
    }
}
