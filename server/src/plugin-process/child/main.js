// The program inside a plugin's process. Plain JavaScript on node:* only: TypeScript or a library would
// double its start-up (see docs/decisions/0003).
import { Socket } from 'node:net';
import { PluginHost } from './plugin-host.js';

// Bubblewrap sets it, and no plugin was given it.
delete process.env.PWD;

const socket = new Socket({ fd: 3, readable: true, writable: true });
const host = new PluginHost(socket);

// The service is gone or has closed the channel: there is nothing left to serve.
socket.on('close', () => process.exit(0));
socket.on('error', () => process.exit(0));
socket.on('data', (/** @type {Buffer} */ chunk) => host.receive(chunk));
