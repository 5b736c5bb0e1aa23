/** The YAML files beside this one, by name. The build puts them in the place of this object. */
export const PROFILE_TEXTS: Readonly<Record<string, string>> = {}
