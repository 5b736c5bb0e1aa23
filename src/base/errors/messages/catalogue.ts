/** Errors of the app catalogue and its updates. See `../error.ts`. */
export const CATALOGUE = {
  CATALOGUE_BROKEN: (file: string, why: string) =>
    `${file} is not a catalogue of apps: ${why}; install another with "interdict catalogue update"`,
  CATALOGUE_OFF: () => 'the settings name no catalogue: set catalogue.url and catalogue.keys',
  CATALOGUE_BUNDLED: () =>
    'the rules are a signed bundle, which has its catalogue: update where the bundle is made',
  CATALOGUE_OWN: (file: string) =>
    `${file} has a catalogue of its own, which is in force: remove it to use the updated one`,
  CATALOGUE_OLDER: (serial: number, newest: number) =>
    `catalogue ${serial} is older than ${newest}, which was accepted here: go back with "interdict catalogue rollback"`,
  CATALOGUE_ALTERED: (serial: number) =>
    `catalogue ${serial} differs from the one with this serial that was accepted here: publish it with a higher serial`,
  CATALOGUE_REFUSED: (serial: number, why: string, more: number) =>
    `catalogue ${serial} refused, the previous one remains in force: ${why}${more > 0 ? ` (and ${more} more)` : ''}`,
  CATALOGUE_PINNED: (version: string, offered: string) =>
    `catalogue pinned to version ${version}: version ${offered} is not used; see "interdict catalogue pin --off"`,
  CATALOGUE_NONE: (which: string) =>
    `no catalogue ${which} was accepted here: "interdict catalogue show" lists those that were`,
  CATALOGUE_STATE: (path: string, why: string) =>
    `cannot use the catalogue in ${path}: ${why}; run as the user of the gateway, or repair the file`,
  CATALOGUE_NO_APP: (app: string, guess: string) =>
    `no app ${app} in the catalogue or the rules${guess}: "interdict apps" lists them`,
  CATALOGUE_EVIDENCE: (name: string, app: string) =>
    `the query log has no evidence that ${name} is a name of ${app}: look further back with --since, or give --evidence`,
  CATALOGUE_RUN: (why: string) => `update of the catalogue failed: ${why}; retrying`
} as const
