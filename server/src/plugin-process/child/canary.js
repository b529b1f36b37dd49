// Runs under a plugin's flags at the service's start, tries what no plugin may, and prints what worked.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';

const targets = JSON.parse(process.argv[2] ?? '{}');

/** @param {() => unknown} attempt */
async function works(attempt) {
  try {
    await attempt();
    return true;
  } catch {
    return false;
  }
}

const outcome = {
  readFile: await works(() => readFileSync(targets.secret)),
  writeFile: await works(() => writeFileSync(targets.written, 'x')),
  connect: await works(
    () =>
      new Promise((resolve, reject) => {
        connect(targets.port, '127.0.0.1').once('connect', resolve).once('error', reject);
      }),
  ),
  openSqlite: await works(async () => {
    const { DatabaseSync } = await import('node:sqlite');
    new DatabaseSync(targets.database).close();
  }),
  spawn: await works(() => {
    const { error } = spawnSync(process.execPath, ['--version']);
    if (error) throw error;
  }),
};

process.stdout.write(JSON.stringify(outcome));
