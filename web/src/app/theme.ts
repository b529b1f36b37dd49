import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core';

const dark: MantineColorsTuple = [
  '#d3d8df',
  '#b7bfc9',
  '#99a3b0',
  '#6b7583',
  '#39414c',
  '#2c333d',
  '#20262e',
  '#161a20',
  '#101318',
  '#0a0c10',
];

/** Shades and text colours that meet WCAG AA contrast; Mantine's own defaults do not. */
export const theme = createTheme({
  autoContrast: true,
  luminanceThreshold: 0.18,
  primaryColor: 'indigo',
  primaryShade: 8,
  colors: { dark },
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace:
    'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace',
  headings: {
    fontWeight: '650',
    sizes: {
      h1: { fontSize: '1.5rem', lineHeight: '1.3' },
      h2: { fontSize: '1rem', lineHeight: '1.4' },
    },
  },
  defaultRadius: 'md',
  cursorType: 'pointer',
  components: {
    Modal: {
      defaultProps: {
        centered: true,
        radius: 'lg',
        padding: 'lg',
        overlayProps: { backgroundOpacity: 0.45 },
      },
      styles: { title: { fontSize: '1.0625rem', fontWeight: 650 } },
    },
    Tooltip: { defaultProps: { withArrow: true, multiline: true, maw: 320, openDelay: 250 } },
    Notification: { defaultProps: { closeButtonProps: { 'aria-label': 'Dismiss' } } },
  },
});

export const cssVariablesResolver: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#59636e',
    '--mantine-color-placeholder': '#6b7580',
    '--mantine-color-error': '#c92a2a',
    '--app-canvas': '#f6f7f9',
    '--app-surface': '#ffffff',
    '--app-sunken': '#f3f4f7',
    '--app-line': '#dfe3e8',
  },
  dark: {
    '--mantine-color-dimmed': '#99a3b0',
    '--mantine-color-placeholder': '#828c99',
    '--mantine-color-error': '#ff9d9d',
    '--app-canvas': '#101318',
    '--app-surface': '#161a20',
    '--app-sunken': '#101318',
    '--app-line': '#2c333d',
  },
});
