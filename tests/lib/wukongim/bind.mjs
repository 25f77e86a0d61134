// SPDX-License-Identifier: Apache-2.0
// A request's body as Go binds it: the first JSON value only, keys of any
// case, unknown ones ignored, absent ones zero, its error texts.

const INTEGERS = { uint8: [0, 255], uint32: [0, 4294967295],
    int: [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] };
const ZERO = { string: '', uint8: 0, uint32: 0, int: 0, list: [] };

export class BindError extends Error {}

/** Where the first value of a text that begins with one ends. */
function endOfValue(text) {
    let depth = 0;
    let quoted = false;
    for (let n = 0; n < text.length; n++) {
        const c = text[n];
        if (quoted) {
            if (c === '\\') n++;
            else if (c === '"') quoted = false;
        } else if (c === '"') quoted = true;
        else if (c === '{' || c === '[') depth++;
        else if ((c === '}' || c === ']') && --depth === 0) return n + 1;
    }
    return text.length;
}

function parseFirst(text) {
    if (text.trim() === '') throw new BindError('EOF');
    const start = text.search(/\S/);
    try {
        return JSON.parse(text.slice(start, start +
            endOfValue(text.slice(start))));
    } catch {
        throw new BindError(/^\s*[{["0-9tfn-]/.test(text) ? 'unexpected EOF'
            : `invalid character '${text[start]}' looking for beginning of ` +
                'value');
    }
}

function convert(value, kind, key) {
    if (value === null || value === undefined) return ZERO[kind];
    const refuse = (what) => {
        throw new BindError(`json: cannot unmarshal ${what} into Go struct ` +
            `field .${key} of type ${kind}`);
    };
    if (kind === 'string') {
        return typeof value === 'string' ? value : refuse(typeof value);
    }
    if (kind === 'list') return Array.isArray(value) ? value : refuse('object');
    if (typeof value !== 'number') refuse(typeof value);
    const [least, most] = INTEGERS[kind];
    if (!Number.isInteger(value) || value < least || value > most) {
        refuse(`number ${value}`);
    }
    return value;
}

/** fields: {name: kind}; throws a BindError with Go's text. */
export function bind(text, fields) {
    const object = parseFirst(text);
    if (object === null || typeof object !== 'object' ||
        Array.isArray(object)) {
        const what = Array.isArray(object) ? 'array' : typeof object;
        throw new BindError(`json: cannot unmarshal ${what} into Go value ` +
            'of type struct');
    }
    const given = Object.fromEntries(Object.entries(object)
        .map(([key, value]) => [key.toLowerCase(), value]));
    return Object.fromEntries(Object.entries(fields)
        .map(([key, kind]) => [key, convert(given[key], kind, key)]));
}
