import type { ComponentChildren } from 'preact'

/** A headline figure, with a note on what it is of. */
export function Tile({
  label,
  note = '',
  href,
  children
}: {
  readonly label: string
  readonly note?: string
  readonly href?: string
  readonly children: ComponentChildren
}) {
  const content = (
    <>
      <span class="label">{label}</span>
      <span class="figure">{children}</span>
      <span class="note">{note}</span>
    </>
  )
  return href === undefined ? (
    <div class="card tile">{content}</div>
  ) : (
    <a class="card tile" href={href}>
      {content}
    </a>
  )
}
