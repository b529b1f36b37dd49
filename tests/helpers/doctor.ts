import {
  type DoctorCheckId,
  doctorCheckIds,
  doctorReportSchema,
  doctorResults,
} from '@omniroute/shared/doctor';
import { expect } from 'vitest';
import type { Service } from './service.ts';

/** Has the plugin examined, and holds the report against what every report promises. */
export async function examine(service: Service, name: string) {
  const { status, body } = await service.call('GET', `/api/plugins/${name}/doctor`);
  expect({ status, body }).toMatchObject({ status: 200, body: { plugin: name } });
  const report = doctorReportSchema.parse(body);
  expect(report.checks.map(({ id }) => id)).toEqual(doctorCheckIds);
  const ranks = report.checks.map(({ result }) => doctorResults.indexOf(result));
  expect(doctorResults.indexOf(report.result)).toBe(Math.max(...ranks));
  for (const { result, message, fix } of report.checks) {
    expect(message).toMatch(/^\S.*[.!?]$/);
    if (result === 'pass') expect(fix).toBe(null);
    else expect(fix).toMatch(/^[A-Z].*\.$/);
  }
  const withoutOwnFolder = JSON.stringify(body).replaceAll(`${service.dataDir}/plugins/${name}`, '');
  expect(withoutOwnFolder).not.toContain(service.dataDir);
  return { ...report, check: (id: DoctorCheckId) => report.checks.find((check) => check.id === id) };
}
