import { z } from 'zod';

/** What a plugin's process can do that the service does not let pass: limits reached, and the protocol broken. */
const processFaults = [
  /** More memory than it may have: of its JavaScript heap, or in all. */
  'MEMORY_LIMIT',
  /** It wrote more to stdout or stderr than its log takes; the rest was dropped. */
  'LOG_RATE',
  /** A call was refused: too many were open. */
  'CALLS_IN_FLIGHT',
  /** A call was refused: the open ones carried too many bytes. */
  'BYTES_IN_FLIGHT',
  'FRAME_SIZE',
  'FRAME_MALFORMED',
  /** A frame that answers no open call, and is no request of a plugin that may make some. */
  'FRAME_UNEXPECTED',
  /** More requests in a second than are read: what it says next waits for the next second. */
  'FRAME_RATE',
  /** Its event loop is blocked, or it leaves its calls unanswered. */
  'UNRESPONSIVE',
  'CHANNEL_CLOSED',
  /** Its data folder grew beyond what a plugin may keep. */
  'DATA_QUOTA',
] as const;
export const processFaultSchema = z.enum(processFaults);
export type ProcessFault = z.infer<typeof processFaultSchema>;
