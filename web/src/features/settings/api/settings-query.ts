import { queryOptions } from '@tanstack/react-query';
import { trpc } from '../../../lib/trpc.ts';

export const settingsQuery = () => queryOptions(trpc.settings.get.queryOptions());
