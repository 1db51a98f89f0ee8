"""German texts of the report, by the English ones in the code."""

from types import MappingProxyType
from typing import Final

GERMAN: Final = MappingProxyType(
    {
        "Skill of the nowcasts, {period}": "Güte der Kurzfristvorhersagen, {period}",
        "Verification of the nowcasts": "Verifikation der Kurzfristvorhersagen",
        " to ": " bis ",
        "Summary": "Zusammenfassung",
        "Details": "Einzelheiten",
        "No radar frame is expected in this period.": (
            "In diesem Zeitraum wird kein Radarbild erwartet."
        ),
        "{received} of {expected} radar frames arrived ({share})": (
            "{received} von {expected} Radarbildern sind eingetroffen ({share})"
        ),
        "; 1 file was invalid and quarantined": "; 1 Datei war ungültig und liegt in Quarantäne",
        "; {number} files were invalid and quarantined": (
            "; {number} Dateien waren ungültig und liegen in Quarantäne"
        ),
        "{number} forecast fields were verified": "{number} Vorhersagefelder wurden verifiziert",
        ", {number} lack their radar frame": ", {number} fehlt das Radarbild",
        ", {number} are waiting for it": ", {number} warten darauf",
        ". The comparison is over {number} forecasts by lead, the same ones and the same cells for "
        "all models.": (
            ". Verglichen werden {number} Vorhersagen je Vorhersagezeit, für alle Modelle "
            "dieselben und auf denselben Zellen."
        ),
        " Models with too few forecasts are left out: {names}.": (
            " Modelle mit zu wenigen Vorhersagen fehlen: {names}."
        ),
        "{least} to {most}": "{least} bis {most}",
        "No compared cell had {rate} mm/h or more {minutes} minutes ahead.": (
            "Keine verglichene Zelle hatte {minutes} Minuten voraus {rate} mm/h oder mehr."
        ),
        "One hour ahead, {model} detected {share} of the cells with {rate} mm/h or more; {correct} "
        "of the cells with such a forecast had that rain.": (
            "Eine Stunde voraus hat {model} {share} der Zellen mit {rate} mm/h oder mehr erkannt; "
            "{correct} der so vorhergesagten Zellen hatten diesen Regen."
        ),
        "The forecast rain area was {bias} times the observed one.": (
            "Die vorhergesagte Regenfläche war {bias}-mal so groß wie die beobachtete."
        ),
        "Its CSI of {mine} is {compared} {rival} ({theirs}).": (
            "Sein CSI von {mine} liegt {compared} {rival} ({theirs})."
        ),
        "It is {compared} {rival} ({theirs}).": "Er liegt {compared} {rival} ({theirs}).",
        "as high as that of": "gleichauf mit dem von",
        "{difference} above that of": "{difference} über dem von",
        "{difference} below that of": "{difference} unter dem von",
        "The period is too short to tell whether these differences are statistically "
        "significant.": (
            "Der Zeitraum ist zu kurz, um zu sagen, ob diese Unterschiede statistisch signifikant "
            "sind."
        ),
        "There is no baseline to compare with.": "Es gibt kein Vergleichsverfahren.",
        "None of these differences is statistically significant (90 %).": (
            "Keiner dieser Unterschiede ist statistisch signifikant (90 %)."
        ),
        "The difference to {names} is statistically significant (90 %).": (
            "Der Unterschied zu {names} ist statistisch signifikant (90 %)."
        ),
        " and ": " und ",
        "radar frames in the archive": "Radarbilder im Archiv",
        "CSI of {model}": "CSI von {model}",
        "CSI above {model}": "CSI über {model}",
        "CSI one hour ahead, rain of {rate} mm/h or more.": (
            "CSI eine Stunde voraus, Regen von {rate} mm/h oder mehr."
        ),
        "Comparison with baselines": "Vergleich mit einfachen Verfahren",
        "Green-blue: better than the baseline; brown: worse. ": (
            "Grünblau: besser als das einfache Verfahren; braun: schlechter. "
        ),
        "CSI above that of {model}": "CSI über dem von {model}",
        "Best and worst forecasts": "Beste und schlechteste Vorhersagen",
        "No forecast had enough rain for a meaningful score.": (
            "Keine Vorhersage hatte genug Regen für eine aussagekräftige Bewertung."
        ),
        "Forecasts of {model} by their CSI one hour ahead, {rate} mm/h or more; only those with "
        "enough rain, at least two hours apart.": (
            "Vorhersagen von {model} nach ihrem CSI eine Stunde voraus, {rate} mm/h oder mehr; nur "
            "solche mit genug Regen, mindestens zwei Stunden auseinander."
        ),
        "Best": "Beste",
        "Worst": "Schlechteste",
        "Best forecasts": "Beste Vorhersagen",
        "Worst forecasts": "Schlechteste Vorhersagen",
        "{name}: radar at {issue} UTC, the forecast one hour ahead, and the observed radar. "
        "CSI {csi}.": (
            "{name}: Radar um {issue} UTC, die Vorhersage eine Stunde voraus und das beobachtete "
            "Radar. CSI {csi}."
        ),
        " Shown are {km} km around the rain.": " Gezeigt sind {km} km um den Regen.",
        " Its fields are past their retention.": " Ihre Felder werden nicht mehr aufbewahrt.",
        "maps": "Karten",
        "Rain by {forecast}": "Regen nach {forecast}",
        "{model}, issued {time} UTC": "{model}, Stand {time} UTC",
        "Lead and valid time (UTC) above each map, mean rate of five minutes": (
            "Über jeder Karte Vorhersagezeit und Gültigkeit (UTC), mittlere Rate von fünf Minuten"
        ),
        "by lead: {models}": "nach Vorhersagezeit: {models}",
        "from frames of which a missing one is interpolated": (
            "aus Radarbildern, von denen ein fehlendes interpoliert ist"
        ),
        "MADE FROM DOUBTFUL RADAR": "AUS ZWEIFELHAFTEN RADARBILDERN",
        "OUTDATED: {reason}": "VERALTET: {reason}",
        "no data (not dry)": "keine Daten",
        "Skill by lead time": "Güte nach Vorhersagezeit",
        "{score}, best at {best}": "{score}, am besten {best}",
        "by lead time": "nach Vorhersagezeit",
        "{rate} mm/h or more": "{rate} mm/h oder mehr",
        "Horizontal axis: lead time in minutes.": "Waagerecht: Vorhersagezeit in Minuten.",
        "not defined: it never rained so much": "nicht definiert: so viel hat es nie geregnet",
        "Skill over time": "Güte im Lauf der Zeit",
        "CSI of forecasts one hour ahead, {rate} mm/h or more, in blocks of six hours, by their "
        "issue.": (
            "CSI der Vorhersagen eine Stunde voraus, {rate} mm/h oder mehr, in Blöcken von sechs "
            "Stunden, nach ihrer Ausgabe."
        ),
        "Reliability of the probabilities": "Zuverlässigkeit der Wahrscheinlichkeiten",
        "Horizontal axis: forecast probability, {minutes} minutes ahead; vertical axis: observed "
        "frequency. On the dotted line they are equal; below it the forecast probability is too "
        "high. Bins with fewer than {cells} cells are left out.": (
            "Waagerecht: vorhergesagte Wahrscheinlichkeit, {minutes} Minuten voraus; senkrecht: "
            "beobachtete Häufigkeit. Auf der gepunkteten Linie sind sie gleich; darunter ist die "
            "vorhergesagte Wahrscheinlichkeit zu hoch. Klassen mit weniger als {cells} Zellen "
            "fehlen."
        ),
        "not known: too few cells": "nicht bekannt: zu wenige Zellen",
        "forecast {probability} observed {frequency}": (
            "vorhergesagt {probability} beobachtet {frequency}"
        ),
        "Rain sums of an hour": "Regensummen einer Stunde",
        "Rain of the hour that ends at the lead time, cell by cell. Probabilities are those of "
        "the ensemble, of issues at each half hour.": (
            "Regen der Stunde, die zur Vorhersagezeit endet, Zelle für Zelle. Wahrscheinlichkeiten "
            "sind die des Ensembles, aus Ausgaben zu jeder halben Stunde."
        ),
        "Rain of {mm} mm or more in an hour": "Mindestens {mm} mm Regen in einer Stunde",
        "Neither measured nor forecast anywhere: {thresholds} mm in an hour.": (
            "Nirgends gemessen oder vorhergesagt: {thresholds} mm in einer Stunde."
        ),
        "Hits": "Treffer",
        "Misses": "Verpasst",
        "False alarms": "Fehlalarme",
        "Scores of probabilities": "Bewertung der Wahrscheinlichkeiten",
        "Brier score": "Brier-Score",
        "Brier skill": "Brier-Skill",
        "Radar": "Radar",
        "Share of radar frames in the archive": "Anteil der Radarbilder im Archiv",
        "Radar frames": "Radarbilder",
        "expected frames, one every five minutes": "erwartete Bilder, alle fünf Minuten eines",
        "accepted": "angenommen",
        "of these late, after a newer one": "davon verspätet, nach einem neueren",
        "missing": "fehlend",
        "quarantined files": "Dateien in Quarantäne",
        "duplicate files": "doppelte Dateien",
        "Compared forecasts": "Verglichene Vorhersagen",
        "Forecast fields": "Vorhersagefelder",
        "verified": "verifiziert",
        "pending": "ausstehend",
        "Reasons for quarantine": "Gründe für die Quarantäne",
        "All scores": "Alle Bewertungen",
        "Rain of {rate} mm/h or more": "Regen von {rate} mm/h oder mehr",
        "minutes": "Minuten",
        "model": "Modell",
        "forecasts": "Vorhersagen",
        "issued (UTC)": "Ausgabe (UTC)",
        "CSI": "CSI",
        "cells with rain": "Zellen mit Regen",
        "Outlines": "Umrisse",
        "Generated {created} UTC by nowcast report from sums of {counted} of forecasts with valid "
        "times in the period.": (
            "Erzeugt {created} UTC von nowcast report aus Summen der {counted} von Vorhersagen, "
            "deren Gültigkeitszeit im Zeitraum liegt."
        ),
        "hits": "Treffer",
        "misses": "verpassten Ereignisse",
        "false alarms": "Fehlalarme",
        "correct negatives": "richtigen Nullmeldungen",
        "Glossary": "Begriffe",
        "{best} is perfect.": "Ideal ist {best}.",
        "Forecast field": "Vorhersagefeld",
        "One lead time of a forecast, compared cell by cell (5 km) with the radar frame of its "
        "valid time. Cells without data are left out; they do not count as dry.": (
            "Eine Vorhersagezeit einer Vorhersage, Zelle für Zelle (5 km) mit dem Radarbild ihrer "
            "Gültigkeitszeit verglichen. Zellen ohne Daten fehlen; sie gelten nicht als trocken."
        ),
        "Persistence, advection, S-PROG": "Persistenz, Advektion, S-PROG",
        "Baselines: the newest frame unchanged, advected by its motion, or advected while its "
        "small scales decay. A model should be better.": (
            "Einfache Verfahren: das neueste Bild unverändert, mit seiner Bewegung verschoben oder "
            "verschoben, während seine kleinen Skalen zerfallen. Ein Modell sollte besser sein."
        ),
        "Same forecasts": "Dieselben Vorhersagen",
        "Models are compared over the issue times and cells that all of them have. Scores are "
        "computed from summed counts and never averaged.": (
            "Modelle werden über die Ausgaben und Zellen verglichen, die alle haben. Maße werden "
            "aus summierten Anzahlen berechnet und nie gemittelt."
        ),
        "Bold": "Fett",
        "In tables of scores, the best of each lead time; in tables of differences, those whose "
        "90 % interval, from a bootstrap over blocks of six hours, excludes 0.": (
            "In Tabellen von Maßen das beste jeder Vorhersagezeit; in Tabellen von Unterschieden "
            "jene, deren 90-%-Intervall aus einem Bootstrap über Blöcke von sechs Stunden die 0 "
            "ausschließt."
        ),
        "\N{EN DASH}": "\N{EN DASH}",
        "Undefined: there were no such events, so there is no score. It is not 0.": (
            "Nicht definiert: es gab keine solchen Ereignisse, also kein Maß. Es ist nicht 0."
        ),
        "Reliability diagram": "Zuverlässigkeitsdiagramm",
        "Observed frequency of the event against the forecast probability, by bins of 0.1. On the "
        "diagonal the probabilities are reliable.": (
            "Beobachtete Häufigkeit des Ereignisses über der vorhergesagten Wahrscheinlichkeit, in "
            "Klassen von 0,1. Auf der Diagonalen sind die Wahrscheinlichkeiten zuverlässig."
        ),
        "Critical success index: hits per hit, miss and false alarm.": (
            "Critical success index: Treffer je Treffer, verpasstem Ereignis und Fehlalarm."
        ),
        "Heidke skill score: correct forecasts, relative to those of random forecasts.": (
            "Heidke skill score: richtige Vorhersagen im Verhältnis zu denen des Zufalls."
        ),
        "Probability of detection: share of events that were forecast.": (
            "Entdeckungsrate: Anteil der Ereignisse, die vorhergesagt wurden."
        ),
        "False alarm ratio: share of false alarms in forecasts.": (
            "Fehlalarmrate: Anteil der Fehlalarme an den Vorhersagen."
        ),
        "Frequency bias: forecast events per event.": (
            "Häufigkeitsverhältnis: vorhergesagte Ereignisse je Ereignis."
        ),
        "Equitable threat score: CSI adjusted for hits by chance.": (
            "Equitable threat score: CSI ohne die Treffer, die der Zufall bringt."
        ),
        "Fractions skill score: 1 where fractions of rain within 5 km are equal.": (
            "Fractions skill score: 1, wo Regenanteile im Umkreis von 5 km gleich sind."
        ),
        "Fractions skill score: 1 where fractions of rain within 10 km are equal.": (
            "Fractions skill score: 1, wo Regenanteile im Umkreis von 10 km gleich sind."
        ),
        "Fractions skill score: 1 where fractions of rain within 20 km are equal.": (
            "Fractions skill score: 1, wo Regenanteile im Umkreis von 20 km gleich sind."
        ),
        "Fractions skill score: 1 where fractions of rain within 40 km are equal.": (
            "Fractions skill score: 1, wo Regenanteile im Umkreis von 40 km gleich sind."
        ),
        "Mean squared error of the probability.": (
            "Mittlerer quadrierter Fehler der Wahrscheinlichkeit."
        ),
        "Brier skill score against the climatology of the sample.": (
            "Brier skill score gegenüber der Häufigkeit in der Stichprobe."
        ),
    }
)
"""Translations; values in braces keep their names."""
