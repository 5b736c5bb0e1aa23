/** Which rows of a list are visible, and a few around them. */
export function visibleRows(
  scrollTop: number,
  height: number,
  rowHeight: number,
  count: number,
  around = 12
): { readonly first: number; readonly last: number } {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - around)
  const last = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + around)
  return { first, last }
}
