// SPDX-License-Identifier: Apache-2.0
// node dev/screenshots.mjs [STATE…]: pictures of the dashboard in each of its
// states (tests/lib/dashboard_states.mjs), light and dark, into
// docs/screenshots. `make screenshots` builds and installs what it needs.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { browser } from '../tests/lib/browser.mjs';
import { STATES, reach } from '../tests/lib/dashboard_states.mjs';
import { repo } from '../tests/lib/godwit.mjs';

const folder = path.join(repo, 'docs', 'screenshots');
const SIZE = { width: 1200, height: 860 };

/* where the interesting part is not at the top */
const PLACES = { previewed: '#data', failed: '#how-far' };

async function take(page, name, colorScheme) {
  const file = path.join(folder, `${name}-${colorScheme}.png`);
  await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
  await page.evaluate((place) => {
    document.querySelector('#notices').replaceChildren();
    if (place) document.querySelector(place).scrollIntoView();
    else scrollTo(0, 0);
  }, PLACES[name] ?? null);
  await page.waitForTimeout(300); // the chart is drawn in its new colours
  await page.screenshot({ path: file });
  execFileSync('pngquant', ['--force', '--skip-if-larger', '--strip',
    '--speed', '1', '--ext', '.png', '64', file]);
}

async function picture(name) {
  const tasks = [];
  const t = { after: (task) => tasks.push(task) };
  try {
    const { page } = await reach(t, name, { viewport: SIZE });
    for (const scheme of ['light', 'dark']) await take(page, name, scheme);
  } finally {
    for (const task of tasks) await task();
  }
}

fs.mkdirSync(folder, { recursive: true });
const names = process.argv.slice(2);
for (const name of names.length ? names : Object.keys(STATES)) {
  await picture(name);
  console.log(`${name}: ${['light', 'dark'].map((scheme) => fs.statSync(
    path.join(folder, `${name}-${scheme}.png`)).size).join(' and ')} bytes`);
}
await (await browser()).close();
