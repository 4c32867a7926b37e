"""Names, places and institutions of invented notes. No two sets share one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class People:
    given: tuple[str, ...]
    surnames: tuple[str, ...]
    # Surnames that are words, places, diseases or signs as well.
    words: tuple[str, ...]
    towns: tuple[str, ...]
    streets: tuple[str, ...]
    institutions: tuple[str, ...]
    employers: tuple[str, ...]


def _of(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())


DEVELOPMENT = People(
    given=_of(
        "Adaeze, Bjarne, Cosima, Dmitri, Eluned, Farrukh, Giacomo, Hanneke, Ikechukwu, Jacinta, Kwabena, Lieselotte, "
        "Mireille, Nkechi, Orsolya, Paavo, Quirin, Rosalba, Siobhan, Tadeusz, Ulrike, Vasilios, Wioletta, Xiomara, "
        "Yevgenia, Zoltan, Mary, James, Patricia, Robert, Linda, Karen, Thomas, Nancy, Ahmed, Fatima, Wei, Priya, "
        "José, Ana-Maria, Jean-Luc, O'Dell, Mae, Tyrone, Brittany, Grace, Mark, Rose, Will"
    ),
    surnames=_of(
        "Abernathy-Cole, Bjornstad, Castellanos, Drăgulescu, Eszterhazy, Fitzwilliam, Grabowski, Hakimi, Ihejirika, "
        "Jovanović, Kowalczyk, Lindqvist, McAllister, Nakamura, O'Shaughnessy, Papadimitriou, Quintanilla, "
        "Rautiainen, Szymański, Thorvaldsen, Ulloa, van den Bosch, Wójcik, Xenakis, Yamashita, Zubairi, Smith, "
        "Johnson, Garcia, Nguyen, Patel, Kim, Müller, García Márquez, de la Cruz, Al-Hashimi, D'Angelo, St. Clair, "
        "Okonkwo, MacDougall"
    ),
    words=_of("Parkinson, Wilson, Graves, Young, Brown, Long, Bell, Barrett, Hope, Payne, Park, Cook, Bone, Winter"),
    towns=_of("Ashgrove, Port Ellery, Millbrook, Santa Rosalia, New Harlow, Kirkstead, Lindenau, Fort Barlow"),
    streets=_of("Maple, Harrowgate, Old Mill, Jefferson, Cedar Hollow, Lakeshore, Eleventh, Van Buren"),
    institutions=_of(
        "St. Brendan's Hospital, Millbrook General Hospital, Harlow Valley Medical Center, Kirkstead Royal Infirmary, "
        "University Hospital of Lindenau, Cedar Hollow Nursing Home, Ellery Family Clinic, Good Shepherd Hospice, "
        "Barlow Imaging Associates, Sunrise Rehabilitation Center, University Hospital Lindenau, "
        "Mount Ellery Hospital, "
        "Klinikum Sankt Georg, Barlow Children's Hospital, Harlow Women's Health Center, Cedar Radiology Group, "
        "Saint Agatha Medical Center, Royal Kirkstead Hospital, Hospital de Santa Rosalia"
    ),
    employers=_of("Brightwater Logistics, Harlow Steel, the Kirkstead Post Office"),
)
SECOND = People(
    given=_of(
        "Anneliese, Babatunde, Ciarán, Dorottya, Efstathios, Fionnuala, Gudrun, Hyacinth, Ingeborg, Jadwiga, Kamilah, "
        "Leocadia, Mbali, Niamh, Oyinkansola, Perpetua, Qasim, Radoslav, Sunniva, Thandiwe, Ursula, Vukašin, Winifred, "
        "Xochitl, Yiannis, Zdenka, Elizabeth, William, Susan, Michael, Barbara, Steven, Deborah, Kevin, Omar, Leila, "
        "Ming, Arjun, María, Anne-Sophie, Juan-Carlos, Ja'Nae, Ebony, Darnell, Ashley, Faith, Chase, Ivy, Grant"
    ),
    surnames=_of(
        "Achterberg, Brzezicki, Carmichael-Ross, Dimitrova, Echeverria, Featherstonehaugh, Gunnarsson, Hrycewicz, "
        "Iwasaki, Jørgensen, Kyriakou, Lamontagne, McGillicuddy, Ndlovu, O'Halloran, Przybylski, Quarshie, "
        "Raghunathan, "
        "Stavropoulos, Tjernström, Urquhart, van der Westhuizen, Wickramasinghe, Xu, Ybarra, Zieliński, Williams, "
        "Martinez, Tran, Sharma, Park-Lee, Schröder, López Obrador, de los Santos, El-Sayed, D'Amico, St. James, "
        "Adeyemi, MacGillivray, Ivanov"
    ),
    words=_of(
        "Addison, Hodgkin, Crohn, Fisher, White, Short, Baker, Little, Field, Stone, Rice, Church, Cross, Summer"
    ),
    towns=_of("Wexcombe, Port Talisay, Oakhurst, San Isidro, New Averley, Dunmorrow, Hohenfeld, Camp Verity"),
    streets=_of("Birch, Stonegate, Quarry Bank, Lincoln, Willow Creek, Harbourside, Twelfth, Martin Luther King"),
    institutions=_of(
        "St. Columba's Hospital, Oakhurst Memorial Hospital, Averley Regional Medical Center, Dunmorrow Infirmary, "
        "University Hospital Hohenfeld, Willow Creek Care Home, Talisay Women's Clinic, Holy Trinity Hospice, "
        "Verity Radiology Partners, Northgate Rehabilitation Hospital"
    ),
    employers=_of("Larkspur Freight, Averley Foundry, the Wexcombe Fire Department"),
)
HELD_OUT = People(
    given=_of(
        "Aurelija, Bartholomew, Cvetana, Dagfinn, Eithne, Folasade, Gwenllian, Hrvoje, Itziar, Jolanta, Krzysztof, "
        "Lavinia, Myfanwy, Ngozi, Oddvar, Philippa, Rhiannon, Saoirse, Tjark, Ulyana, Valdemar, Wanjiru, "
        "Yesenia, Zsófia, "
        "Christopher, Jennifer, Daniel, Margaret, Joseph, Sarah, Anthony, Maria, Hassan, Ayesha, Lakshmi, Carlos, "
        "Luis-Miguel, Marie-Claire, D'Andre, Shaniqua, Tamika, Cody, Joy, Clay, Pearl, Reed"
    ),
    surnames=_of(
        "Asbjørnsen, Blankenship, Czarnecki, Delacroix, Enriquez, Falkenberg, Georgiou, Hovhannisyan, Ishikawa, "
        "Jurgaitis, Karamanlis, Ljungberg, McCullough, Nwachukwu, O'Driscoll, Petrosyan, Ramaswamy, Strzelecki, "
        "Thibodeaux, Ueda, van Leeuwenhoek, Whitcombe-Lacey, Ximenes, Yilmaz, Zamoyski, Anderson, Thompson, "
        "Ramirez, Le, "
        "Gupta, Choi, Weiß, Ortiz Vega, de Souza, Al-Farsi, D'Souza, St. Laurent, Mbeki, MacTavish, Sokolov"
    ),
    words=_of("Cushing, Paget, Barrett, Gray, Green, Marsh, Wood, Sharp, Pope, Swift, Castle, Lamb, Rivers, Knee"),
    towns=_of("Thornley, Port Ansgar, Riverdene, San Telmo, New Kelso, Ravensworth, Altenbruck, Lake Merrin"),
    streets=_of("Chestnut, Foxglove, Tanner's Row, Washington, Juniper Ridge, Seaview, Ninth, Cesar Chavez"),
    institutions=_of(
        "St. Winifred's Hospital, Riverdene County Hospital, Kelso Heights Medical Center, Ravensworth Infirmary, "
        "University Hospital of Altenbruck, Juniper Ridge Nursing Home, Merrin Pediatric Clinic, Sacred Heart Hospice, "
        "Ansgar Radiology Associates, Thornley Rehabilitation Center, Hôpital Saint-Aubin, Telmo Heart Institute"
    ),
    employers=_of("Copperfield Transport, Kelso Paper Mill, the Thornley School Board"),
)
