/** Servers whose settings `interdict migrate` reads; here, since its readers take too long to load for every command. */
export const SERVERS = ['adguard-home', 'pi-hole', 'unbound', 'bind'] as const
