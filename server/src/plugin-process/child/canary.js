// Runs under the layers of a plugin's process, tries what no plugin may, and prints what worked. It runs once more
// under none, to see that each attempt can work at all.
// An attempt can end the process: what has been printed by then counts.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';

const targets = JSON.parse(process.argv[2] ?? '{}');

/** @type {Record<string, () => unknown>} What it gives is the attempt's outcome, unless it throws: `false` is a refusal. */
const attempts = {
  readFile: () => readFileSync(targets.secretFile, 'utf8') === targets.secret,
  writeFile: () => writeFileSync(targets.written, 'x'),
  listParent: () => readdirSync('..').includes(targets.sibling),
  connectTcp: () => hear({ port: targets.port, host: '127.0.0.1' }),
  connectUnix: () => hear({ path: targets.socket }),
  openSqlite: async () => {
    const { DatabaseSync } = await import('node:sqlite');
    const database = new DatabaseSync(targets.database);
    database.exec('CREATE TABLE canary (id)');
    database.close();
  },
  readProcess: () => readFileSync(`/proc/${targets.pid}/environ`, 'utf8').includes(targets.secret),
  spawn: () => spawnSync(process.execPath, ['--version']).status === 0,
  // By default it is ignored: where this number is another process, nothing happens to that. Who is meant says so.
  signal: () => process.kill(targets.pid, 'SIGURG'),
  setFlag: () => setFlagsFromString('--stack-size=900'),
};

/**
 * Connects, and waits for the secret.
 *
 * @param {import('node:net').NetConnectOpts} where
 */
function hear(where) {
  return new Promise((resolve, reject) => {
    const socket = connect(where).setEncoding('utf8').once('error', reject);
    socket.once('data', (text) => {
      socket.destroy();
      resolve(String(text) === targets.secret);
    });
  });
}

for (const [name, attempt] of Object.entries(attempts)) {
  const worked = await Promise.resolve()
    .then(attempt)
    .then(
      (outcome) => outcome !== false,
      () => false,
    );
  writeSync(1, `${name} ${worked ? 'worked' : 'refused'}\n`);
}
