/* Numbers and times as people read them. */


export function bitrate(bps) {
    if (!(bps > 0)) {
        return '–';
    }

    return bps >= 1e6 ? `${(bps / 1e6).toFixed(1)} Mbit/s`
                      : `${Math.round(bps / 1e3)} kbit/s`;
}


export function seconds(s, digits = 1) {
    return Number.isFinite(s) ? `${s.toFixed(digits)} s` : '–';
}


/* 75 → "1:15", 3675 → "1:01:15" */
export function clock(s) {
    const whole = Math.max(0, Math.floor(s));
    const pad = n => String(n).padStart(2, '0');
    const [h, m] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];

    return h > 0 ? `${h}:${pad(m)}:${pad(whole % 60)}`
                 : `${m}:${pad(whole % 60)}`;
}


export function count(n, one, many) {
    return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
}


/* What the picture is: "1280×720, 30 fps". */
export function picture(rendition) {
    if (!rendition?.width) {
        return '';
    }

    const rate = rendition.frame_rate || rendition.measured_frame_rate;
    const size = `${rendition.width}×${rendition.height}`;

    return rate > 0 ? `${size}, ${+rate.toFixed(2)} fps` : size;
}
