import { fileURLToPath } from 'node:url';

/** The folder of the program inside a plugin's process: readable for every plugin. */
export const childDir = fileURLToPath(new URL('./child', import.meta.url));
export const childProgram = fileURLToPath(new URL('./child/main.js', import.meta.url));
export const canaryProgram = fileURLToPath(new URL('./child/canary.js', import.meta.url));
