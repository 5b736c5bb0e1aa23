import { t } from '../../state.js'

/** Changed lines, with a colour and a sign. */
export function DiffText({ text }: { readonly text: string }) {
  const lines = text.split('\n').filter(line => line !== '')
  const kind = (line: string): string =>
    /^(---|\+\+\+|@@)/.test(line)
      ? 'faint'
      : line.startsWith('+')
        ? 'added'
        : line.startsWith('-')
          ? 'removed'
          : ''
  return (
    <pre class="diff" role="region" tabIndex={0} aria-label={t('form.lines')}>
      {lines.map((line, at) => (
        <span key={at} class={kind(line)}>{`${line}\n`}</span>
      ))}
    </pre>
  )
}
