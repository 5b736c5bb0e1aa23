/**
 * Counts the changes of what rules mean: raise it in each commit after which the same rules, settings and time may
 * decide a query otherwise, a new list of special-use names included. The history of rules records it, so that
 * `interdict explain --at` claims nothing by a program that decides differently.
 */
export const DECISION_REVISION = 1
