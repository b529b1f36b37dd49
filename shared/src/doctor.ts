import { z } from 'zod';

/** What the doctor looks at, in the order of its report. */
export const doctorCheckIds = [
  'directory',
  'manifest',
  'entry',
  'integrity',
  'hooks',
  'host-range',
  'permissions',
  'process',
] as const;
const doctorCheckIdSchema = z.enum(doctorCheckIds);
export type DoctorCheckId = z.infer<typeof doctorCheckIdSchema>;

/** From best to worst. A check that cannot be made is a `warn` that says so, never a `pass`. */
export const doctorResults = ['pass', 'warn', 'fail'] as const;
const doctorResultSchema = z.enum(doctorResults);

export const doctorCheckSchema = z.object({
  id: doctorCheckIdSchema,
  /** What the check is called in front of people. */
  title: z.string(),
  result: doctorResultSchema,
  /** What was found, in a sentence or two. */
  message: z.string(),
  /** What the operator does next; null on pass. */
  fix: z.string().nullable(),
});
export type DoctorCheck = z.infer<typeof doctorCheckSchema>;

export const doctorReportSchema = z.object({
  plugin: z.string(),
  /** The worst result of the checks. */
  result: doctorResultSchema,
  checks: z.array(doctorCheckSchema),
});
export type DoctorReport = z.infer<typeof doctorReportSchema>;
