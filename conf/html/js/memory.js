/* What the browser keeps between visits; it may forbid to. */


export function remember(key, value) {
    try {
        localStorage.setItem(key, JSON.stringify(value));
    } catch { /* as it is */ }
}


export function recall(key) {
    try {
        return JSON.parse(localStorage.getItem(key));
    } catch {
        return null;
    }
}
