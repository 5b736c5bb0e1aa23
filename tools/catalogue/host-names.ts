import { parse } from 'tldts'

/** Labels of letters, digits, `-` and `_`, joined by dots, that are not part of an address or a longer word. */
const HOST_NAME =
  /(?<![A-Za-z0-9_.@-])(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)+[a-z]{2,}(?!\.?[A-Za-z0-9_(-])/g

/**
 * The host names in a text of any kind, in order, each once. Names must be in lower case and end in
 * a top-level domain, so that most of `java.util.List` and `index.html` are no host names.
 *
 * @param match finds the names: its first group, or the whole match
 */
export function hostNamesIn(text: string, match: RegExp = HOST_NAME): string[] {
  const names = new Set<string>()
  for (const [whole, group] of text.matchAll(match)) {
    const name = (group ?? whole).toLowerCase()
    const { isIcann, domain } = parse(name, { extractHostname: false })
    if (isIcann === true && domain !== null) names.add(name)
  }
  return [...names]
}
