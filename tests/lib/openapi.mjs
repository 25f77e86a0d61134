// SPDX-License-Identifier: Apache-2.0
// docs/openapi.yaml, and answers held against it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';

import { repo } from './godwit.mjs';

const ID = 'openapi.yaml';

export function readApi() {
    return parse(fs.readFileSync(path.join(repo, 'docs', ID), 'utf8'));
}

/** What the document says of a path and method; the references followed. */
function responseOf(api, where, method, status) {
    const { responses } = api.paths[where][method];
    const found = responses[String(status)] ?? responses.default;
    return found?.$ref
        ? found.$ref.slice(2).split('/').reduce((at, key) => at[key], api)
        : found;
}

function pointerTo(api, where, method, status, type) {
    const escape = (text) => encodeURIComponent(
        text.replaceAll('~', '~0').replaceAll('/', '~1'));
    const { responses } = api.paths[where][method];
    const key = String(status) in responses ? String(status) : 'default';
    const base = responses[key].$ref ??
        `#/paths/${escape(where)}/${method}/responses/${key}`;
    return `${ID}${base}/content/${escape(type)}/schema`;
}

/** Returns check(path, method, answer): the answer is one that the document
 *  allows there, body and all. It counts in `seen`. */
export function makeCheck(api) {
    const ajv = new Ajv({ strict: false, allErrors: true });
    addFormats(ajv);
    ajv.addSchema(api, ID);
    const seen = new Set();
    const check = (where, method, answer) => {
        const what = `${method} ${where} ${answer.status}`;
        const response = responseOf(api, where, method, answer.status);
        assert.ok(response, `${what} is not in the document`);
        const type = (answer.headers['content-type'] ?? '').split(';')[0];
        assert.ok(type in (response.content ?? {}),
            `${what}: ${type} is not in the document`);
        for (const name of Object.keys(response.headers ?? {})) {
            assert.ok(name.toLowerCase() in answer.headers,
                `${what}: no ${name}`);
        }
        const validate = ajv.compile(
            { $ref: pointerTo(api, where, method, answer.status, type) });
        assert.ok(validate(answer.json ?? answer.text),
            `${what}: ${ajv.errorsText(validate.errors)}: ${answer.text}`);
        seen.add(what);
    };
    check.seen = seen;
    return check;
}
