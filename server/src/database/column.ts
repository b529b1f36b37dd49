import type { z } from 'zod';

interface JsonColumn<Schema extends z.ZodType> {
  read(text: string | null): z.output<Schema>;
  write(value: z.input<Schema>): string;
}

/** JSON in a text column. Reading throws what JSON or the schema has against it; null reads as `undefined` does. */
export function jsonColumn<Schema extends z.ZodType>(schema: Schema): JsonColumn<Schema> {
  return {
    read: (text) => schema.parse(text === null ? undefined : JSON.parse(text)),
    write: (value) => JSON.stringify(value),
  };
}

/** 0 and 1 in an integer column. */
export const booleanColumn = {
  read: (value: number): boolean => value !== 0,
  write: (value: boolean): number => (value ? 1 : 0),
};
