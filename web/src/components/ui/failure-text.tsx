import type { ReactNode } from 'react';
import classes from './failure-text.module.css';
import { Notice } from './notice.tsx';

/** A reason as the service gave it: its line breaks are kept, a long one scrolls. */
export function FailureText({ message, children }: { message: string; children?: ReactNode }) {
  const [first = '', ...rest] = message.trim().split('\n');
  return (
    <Notice tone="error">
      <div className={classes['first']}>{first}</div>
      {rest.length > 0 && (
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a box that scrolls must be reachable by keyboard
        <pre className={classes['rest']} tabIndex={0}>
          {withoutIndent(rest)}
        </pre>
      )}
      {children}
    </Notice>
  );
}

function withoutIndent(lines: string[]): string {
  const indents = lines
    .filter((line) => line.trim() !== '')
    .map((line) => line.length - line.trimStart().length);
  const common = Math.min(...indents);
  return lines.map((line) => line.slice(common)).join('\n');
}
