import type { Language } from '../translate.js'

/** What CodeMirror shows, or a screen reader reads out, by its English text. */
const FRENCH = {
  Find: 'Rechercher',
  Replace: 'Remplacer par',
  next: 'suivant',
  previous: 'précédent',
  all: 'tout sélectionner',
  'match case': 'respecter la casse',
  regexp: 'expression régulière',
  'by word': 'mot entier',
  replace: 'remplacer',
  'replace all': 'tout remplacer',
  close: 'fermer',
  'current match': 'résultat actuel',
  'on line': 'à la ligne',
  'replaced match on line $': 'résultat remplacé à la ligne $',
  'replaced $ matches': '$ résultats remplacés',
  'Go to line': 'Aller à la ligne',
  go: 'aller',
  Completions: 'Suggestions',
  Diagnostics: 'Erreurs et avertissements',
  'No diagnostics': 'Aucune erreur',
  'Selection deleted': 'Sélection supprimée'
}

type Phrases = Readonly<Record<keyof typeof FRENCH, string>>

const DUTCH: Phrases = {
  Find: 'Zoeken',
  Replace: 'Vervangen door',
  next: 'volgende',
  previous: 'vorige',
  all: 'alles selecteren',
  'match case': 'hoofdlettergevoelig',
  regexp: 'reguliere expressie',
  'by word': 'heel woord',
  replace: 'vervangen',
  'replace all': 'alles vervangen',
  close: 'sluiten',
  'current match': 'huidig resultaat',
  'on line': 'op regel',
  'replaced match on line $': 'resultaat op regel $ vervangen',
  'replaced $ matches': '$ resultaten vervangen',
  'Go to line': 'Ga naar regel',
  go: 'gaan',
  Completions: 'Suggesties',
  Diagnostics: 'Fouten en waarschuwingen',
  'No diagnostics': 'Geen fouten',
  'Selection deleted': 'Selectie verwijderd'
}

const GERMAN: Phrases = {
  Find: 'Suchen',
  Replace: 'Ersetzen durch',
  next: 'weiter',
  previous: 'zurück',
  all: 'alle auswählen',
  'match case': 'Groß-/Kleinschreibung',
  regexp: 'regulärer Ausdruck',
  'by word': 'ganzes Wort',
  replace: 'ersetzen',
  'replace all': 'alle ersetzen',
  close: 'schließen',
  'current match': 'aktueller Treffer',
  'on line': 'in Zeile',
  'replaced match on line $': 'Treffer in Zeile $ ersetzt',
  'replaced $ matches': '$ Treffer ersetzt',
  'Go to line': 'Gehe zu Zeile',
  go: 'los',
  Completions: 'Vorschläge',
  Diagnostics: 'Fehler und Warnungen',
  'No diagnostics': 'Keine Fehler',
  'Selection deleted': 'Auswahl gelöscht'
}

/** The texts of the editor; CodeMirror has the English ones itself. */
export const EDITOR_PHRASES: Readonly<Record<Language, Partial<Phrases>>> = {
  en: {},
  fr: FRENCH,
  nl: DUTCH,
  de: GERMAN
}
