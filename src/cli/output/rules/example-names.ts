/** Folders of `contrib/examples`, each named for the guide that uses it. */
export const EXAMPLES = ['migrating', 'replay', 'reports'] as const
