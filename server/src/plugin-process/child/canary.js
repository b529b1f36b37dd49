// Runs under a plugin's flags at the service's start, tries what no plugin may, and prints what worked.
// An attempt can end the process: what has been printed by then counts.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';

const targets = JSON.parse(process.argv[2] ?? '{}');

/** @type {Record<string, () => unknown>} */
const attempts = {
  readFile: () => readFileSync(targets.secret),
  writeFile: () => writeFileSync(targets.written, 'x'),
  connect: () =>
    new Promise((resolve, reject) => {
      connect(targets.port, '127.0.0.1').once('connect', resolve).once('error', reject);
    }),
  openSqlite: async () => {
    const { DatabaseSync } = await import('node:sqlite');
    new DatabaseSync(targets.database).close();
  },
  spawn: () => {
    const { error } = spawnSync(process.execPath, ['--version']);
    if (error) throw error;
  },
  signal: () => process.kill(targets.pid, 0),
  setFlag: () => setFlagsFromString('--stack-size=900'),
};

for (const [name, attempt] of Object.entries(attempts)) {
  const worked = await Promise.resolve()
    .then(attempt)
    .then(
      () => true,
      () => false,
    );
  writeSync(1, `${name} ${worked ? 'worked' : 'refused'}\n`);
}
