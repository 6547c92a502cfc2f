"""Every word of the report, in English and French, and how numbers are written.

A text may have places (``{what}``); both languages have the same keys and places, which a test
holds.
"""

from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "fr"]
LANGUAGES: tuple[Language, ...] = ("en", "fr")

_EN = {
    "title": "Encoder profiles, measured",
    "intro": "{clip}: {width}×{height}, {fps} frames a second, {seconds} s, sent at {rate}. "
    "Measured on {cores} cores: {processor}.",
    "interrupted": "The run was interrupted: this is what was done by then.",
    "recommended": "Recommended ladder",
    "recommended_why": "Of all ladders of what was measured that cost at most {cores} cores a "
    "show{bandwidth} and have at most {rungs} rungs, this one gives viewers the best pictures: "
    "{metric} {worth} on average over lines spread evenly from 300 kb/s up, where one below "
    "the lowest rung counts nothing. A cheaper one within half a point would have been taken.",
    "recommended_bandwidth": ", declare at most {rate}",
    "recommended_cost": "Expected cost: {cores} cores a show.",
    "recommended_measured": "Measured as a whole: {cores} cores a show, {base} of them for "
    "decoding, sound and packaging.",
    "recommended_over": "That is above the budget: its rungs were measured in other ladders.",
    "no_recommendation": "No ladder is recommended.",
    "yaml": "The profile as YAML",
    "rate_quality": "Rate and quality",
    "rate_quality_about": "Each point is a rung: what a viewer downloads, and {metric} against "
    "the source at the source's size. The line is the convex hull: what lies below it is "
    "beaten.",
    "cost_quality": "Cost and quality",
    "cost_quality_about": "Each point is a rung: the cores that scaling and encoding it take "
    "for one show, and {metric}. The line is the convex hull.",
    "hull_table": "The points on the hull",
    "hull": "convex hull",
    "chosen": "recommended",
    "axis_rate": "bits per second (scale of factors)",
    "axis_cores": "cores a show (scale of factors)",
    "chart_of": "{count} rungs from {x_low} to {x_high}, {metric} from {y_low} to {y_high}; "
    "{hull} of them on the hull.",
    "headroom": "How many shows fit",
    "headroom_about": "So many shows ran at once, each as fast as it could. A speed of 1 or "
    "more: all of them kept up with real time. Nothing else ran for viewers meanwhile; leave a "
    "third of the machine to receiving and delivering.",
    "headroom_most": "{what}: {most} shows at once.",
    "headroom_none": "{what}: not even one show keeps up with real time.",
    "headroom_missing": "Not measured.",
    "rungs": "Every rung",
    "rungs_about": "Cores are CPU seconds per second of one show. “5 %” is the value that one "
    "picture in twenty lies below. Delay is the frames that had to come in beyond a part's "
    "last before it came out.",
    "stills": "Side by side",
    "stills_about": "The place with the most detail, at the source's size.",
    "still_source": "Source",
    "method": "How it was measured",
    "method_text": "The clip went through the pipeline that shows go through, on a clock of "
    "its own. Each picture of a rung, scaled up to the source's size (bicubic), was compared "
    "with the picture that its slot shows, so a lower frame rate is not held against a rung: "
    "these metrics cannot judge smoothness. Declared is the BANDWIDTH of the playlist. FFmpeg "
    "{ffmpeg}.",
    "notes": "Notes",
    "profile": "Profile",
    "rung": "Rung",
    "size": "Size",
    "preset": "Preset",
    "codecs": "Codecs",
    "rate": "Rate",
    "declared": "Declared",
    "aim": "Aim",
    "cores": "Cores",
    "cores_show": "Cores a show",
    "cores_used": "Cores used",
    "delay": "Delay",
    "shows": "Shows",
    "speed": "Slowest",
    "fits": "Fits",
    "yes": "yes",
    "no": "no",
    "from": "Measured as",
    "metric_vmaf": "VMAF",
    "metric_vmaf_neg": "VMAF NEG",
    "metric_vmaf_phone": "VMAF phone",
    "metric_ssim": "SSIM",
    "metric_xpsnr": "XPSNR (dB)",
    "low": "5 %",
    "unit_mbps": "{value} Mb/s",
    "unit_kbps": "{value} kb/s",
    "unit_times": "{value}×",
    "note_skipped": "{what} was left out: {why}",
    "note_restarted": "{what} changed its encoders midway; the longest stretch was judged.",
    "note_no_metric": "This FFmpeg cannot measure {metric}; it is missing from the report.",
    "note_no_ladder": "No ladder of what was measured fits a budget of {cores} cores a show "
    "and the bandwidth given.",
    "note_already": "The recommended ladder is {what} as it is.",
    "note_no_crowd": "How many shows of {what} fit could not be measured: {why}",
}

_FR = {
    "title": "Profils d'encodage, mesurés",
    "intro": "{clip} : {width}×{height}, {fps} images par seconde, {seconds} s, envoyé à "
    "{rate}. Mesuré sur {cores} cœurs : {processor}.",
    "interrupted": "La mesure a été interrompue : voici ce qui était fait.",
    "recommended": "Échelle recommandée",
    "recommended_why": "De toutes les échelles mesurées qui coûtent au plus {cores} cœurs par "
    "direct{bandwidth} et ont au plus {rungs} échelons, celle-ci donne aux spectateurs les "
    "meilleures images : {metric} {worth} en moyenne, pour des débits répartis également à "
    "partir de 300 kb/s, où un débit sous le dernier échelon compte pour rien. Une échelle "
    "moins chère à un demi-point près aurait été préférée.",
    "recommended_bandwidth": ", annoncent au plus {rate}",
    "recommended_cost": "Coût attendu : {cores} cœurs par direct.",
    "recommended_measured": "Mesurée en entier : {cores} cœurs par direct, dont {base} pour le "
    "décodage, le son et l'emballage.",
    "recommended_over": "C'est plus que le budget : ses échelons ont été mesurés dans d'autres "
    "échelles.",
    "no_recommendation": "Aucune échelle n'est recommandée.",
    "yaml": "Le profil en YAML",
    "rate_quality": "Débit et qualité",
    "rate_quality_about": "Chaque point est un échelon : ce qu'un spectateur télécharge, et "
    "{metric} par rapport à la source, à la taille de la source. La ligne est l'enveloppe "
    "convexe : ce qui est dessous est battu.",
    "cost_quality": "Coût et qualité",
    "cost_quality_about": "Chaque point est un échelon : les cœurs que prennent sa mise à "
    "l'échelle et son encodage pour un direct, et {metric}. La ligne est l'enveloppe convexe.",
    "hull_table": "Les points sur l'enveloppe",
    "hull": "enveloppe convexe",
    "chosen": "recommandé",
    "axis_rate": "bits par seconde (échelle de facteurs)",
    "axis_cores": "cœurs par direct (échelle de facteurs)",
    "chart_of": "{count} échelons de {x_low} à {x_high}, {metric} de {y_low} à {y_high} ; "
    "{hull} d'entre eux sur l'enveloppe.",
    "headroom": "Combien de directs tiennent",
    "headroom_about": "Autant de directs en même temps, chacun aussi vite que possible. À une "
    "vitesse de 1 ou plus, tous suivent le temps réel. Rien d'autre ne tournait pour les "
    "spectateurs ; laissez un tiers de la machine à la réception et à la diffusion.",
    "headroom_most": "{what} : {most} directs à la fois.",
    "headroom_none": "{what} : pas même un direct ne suit le temps réel.",
    "headroom_missing": "Non mesuré.",
    "rungs": "Tous les échelons",
    "rungs_about": "Les cœurs sont des secondes de processeur par seconde d'un direct. « 5 % » "
    "est la valeur sous laquelle est une image sur vingt. Le délai est le nombre d'images qui "
    "devaient entrer après la dernière d'une partie avant qu'elle ne sorte.",
    "stills": "Côte à côte",
    "stills_about": "L'endroit le plus détaillé, à la taille de la source.",
    "still_source": "Source",
    "method": "Comment c'est mesuré",
    "method_text": "Le clip a passé par la chaîne par laquelle passent les directs, avec sa "
    "propre horloge. Chaque image d'un échelon, agrandie à la taille de la source (bicubique), "
    "a été comparée à l'image que montre sa case ; une cadence plus basse n'est donc pas "
    "comptée contre un échelon : ces mesures ne jugent pas la fluidité. « Annoncé » est le "
    "BANDWIDTH de la liste. FFmpeg {ffmpeg}.",
    "notes": "Remarques",
    "profile": "Profil",
    "rung": "Échelon",
    "size": "Taille",
    "preset": "Préréglage",
    "codecs": "Codecs",
    "rate": "Débit",
    "declared": "Annoncé",
    "aim": "Visé",
    "cores": "Cœurs",
    "cores_show": "Cœurs par direct",
    "cores_used": "Cœurs pris",
    "delay": "Délai",
    "shows": "Directs",
    "speed": "Le plus lent",
    "fits": "Tient",
    "yes": "oui",
    "no": "non",
    "from": "Mesuré comme",
    "metric_vmaf": "VMAF",
    "metric_vmaf_neg": "VMAF NEG",
    "metric_vmaf_phone": "VMAF téléphone",
    "metric_ssim": "SSIM",
    "metric_xpsnr": "XPSNR (dB)",
    "low": "5 %",
    "unit_mbps": "{value} Mb/s",
    "unit_kbps": "{value} kb/s",
    "unit_times": "{value}×",
    "note_skipped": "{what} a été laissé de côté : {why}",
    "note_restarted": "{what} a changé d'encodeurs en cours de route ; le plus long tronçon "
    "est jugé.",
    "note_no_metric": "Ce FFmpeg ne sait pas mesurer {metric} ; il manque au rapport.",
    "note_no_ladder": "Aucune échelle de ce qui a été mesuré ne tient dans un budget de "
    "{cores} cœurs par direct et le débit donné.",
    "note_already": "L'échelle recommandée est {what} tel quel.",
    "note_no_crowd": "Combien de directs de {what} tiennent n'a pas pu être mesuré : {why}",
}

TEXTS: dict[Language, dict[str, str]] = {"en": _EN, "fr": _FR}


@dataclass(frozen=True, slots=True)
class Words:
    """One language."""

    language: Language

    def say(self, key: str, **places: object) -> str:
        """A text with its places filled."""
        return TEXTS[self.language][key].format(**places)

    def number(self, value: float, digits: int = 1) -> str:
        """A number as this language writes it."""
        text = f"{value:.{digits}f}"
        return text.replace(".", ",") if self.language == "fr" else text

    def rate(self, bps: float) -> str:
        """Bits per second, in whatever is short."""
        if bps >= 1_000_000:
            return self.say("unit_mbps", value=self.number(bps / 1e6, 2))
        return self.say("unit_kbps", value=self.number(bps / 1e3, 0))

    def cores(self, cores: float) -> str:
        """Cores, to the hundredth; to the thousandth where that would say nothing."""
        return self.number(cores, 2 if cores >= 0.1 else 3)

    def metric(self, name: str) -> str:
        """What a metric is called."""
        return self.say(f"metric_{name}")
