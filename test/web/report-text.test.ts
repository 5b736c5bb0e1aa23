import t from 'tap'
import { inFrench } from '../report/translated.js'

t.test('titles, facts and words of reports in French; what is not known stays', async t => {
  const texts = {
    'Daily report, 2026-11-27': 'Rapport journalier, 27 nov. 2026',
    'Weekly report, 2026-11-02 to 2026-11-08': 'Rapport hebdomadaire, 2 nov. 2026 – 8 nov. 2026',
    'Monthly report, 2026-10': 'Rapport mensuel, 2026-10',
    'Evidence for the ban federal-tiktok': 'Preuves pour l’interdiction federal-tiktok',
    'the start of the log to now': 'début du journal – maintenant',
    'the start of the log to 2026-11-28 00:00': 'début du journal – 28 nov. 2026, 00:00',
    'from 2024-03-20 until 2026-12-07': '20 mars 2024 – 7 déc. 2026',
    'from 2024-03-20': 'à partir du 20 mars 2024',
    'until 2026-12-07': 'jusqu’au 7 déc. 2026',
    'no end date': 'sans fin',
    '1,420: 1,404 blocked, 13 monitored, 2 allowed, 1 without a matching rule':
      '1 420 · Bloquées 1 404 · Surveillées 13 · Autorisées 2 · Sans règle 1',
    'blocked +7% against the same weekday of the week before (1,376)':
      'bloquées +7 % (même jour de la semaine précédente : 1 376)',
    'no lookups of the same weekday of the week before in the log':
      'aucune requête dans le journal (même jour de la semaine précédente)',
    'nothing blocked in the month before': 'rien de bloqué (mois précédent)',
    'No rule matched 1,204 lookups: add --all to include them.':
      'Requêtes sans règle correspondante : 1 204.',
    'by phones-tiktok': 'Par phones-tiktok',
    'not banned': 'Pas interdit',
    'nxdomain: the name does not exist': 'nxdomain: the name does not exist'
  }
  for (const [text, french] of Object.entries(texts)) t.equal(inFrench(text), french, text)
})
