/** Whether names of a certificate include a host name; a wildcard stands for one label. RFC 9525 §6.3. */
export function covers(names: readonly string[], name: string): boolean {
  return names.includes(name) || names.includes(name.replace(/^[^.]+/, '*'))
}
