export const heapMegabytes = 128;
/** The most that a plugin may hold, its JavaScript heap included. */
export const maxMemoryBytes = (heapMegabytes + 512) * 1024 * 1024;
