import { z } from 'zod';

const name = '[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*';
const pattern = new RegExp(`^(\\*\\.${name}\\.[A-Za-z0-9_-]+|${name}|\\[[0-9A-Fa-f:.]+\\])(:\\d{1,5})?$`);

/** One entry of a list of hosts: `api.example.com`, `api.example.com:8443`, `[2001:db8::1]:80`, or `*.example.com`. */
export const hostPatternSchema = z
  .string()
  .max(253)
  .regex(pattern, 'must be a host such as api.example.com, api.example.com:8443 or *.example.com');
