"""Names of many origins, written down for the synthetic districts; nobody's list was copied and nobody is meant."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The names of one community: how often it occurs, the languages spoken at home with their weights, and how it forms surnames.

    ``ascii`` spells the names that no accent-stripping can, for e-mail addresses.
    """

    weight: int
    given: tuple[str, ...]
    family: tuple[str, ...]
    languages: tuple[tuple[str, int], ...]
    double_surname: float = 0.0
    hyphenated: float = 0.0
    middle: tuple[str, ...] = ()
    ascii: tuple[tuple[str, str], ...] = ()


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.replace("_", " ") for word in text.split())


ORIGINS: tuple[Origin, ...] = (
    Origin(
        weight=34,
        given=_words(
            "Abigail Adelaide Alden Amos August Beatrice Bennett Brooks Caleb Callum Camille Carter Charlotte Clara Colton Corbin Daphne Della Delphine "
            "Dexter Edith Eleanor Elliot Emmett Esther Everett Felicity Fletcher Flora Garrett Gemma Gideon Greta Harlan Harriet Hattie Hazel Holden Ida Imogen "
            "Ingrid Ivy Jasper Jonah Josephine Judith Keegan Lachlan Leland Lorelei Lowell Mabel Marlow Matilda Miriam Nathaniel Nell Odette Ophelia Orson Otis "
            "Pearl Penelope Percy Quentin Rosalind Rowan Rufus Silas Sylvie Tabitha Thaddeus Theodore Tobias Verity Violet Walker Wesley Willa Winifred"
        ),
        family=_words(
            "Abernathy Alcott Ashdown Atwater Barlow Beckwith Blackwood Bramwell Brightwell Calloway Carmichael Chadwick Cobb Colfax Copeland Crowther Dalton "
            "Darby Denham Draper Eastman Ellsworth Fairbanks Farnsworth Fenwick Garland Gentry Goodwin Greenleaf Hadley Halloway Hargrove Hawthorne Hollis "
            "Huxley Ives Kendrick Kingsley Langford Larkin Lockhart Marsden Mayhew Merriweather Nightingale Norwood Oakley Pemberton Penrose Prescott Quimby "
            "Radcliffe Redfern Rutherford Sawyer Sedgwick Shelby Standish Sutherland Tennant Thornton Underhill Vance Wainwright Weatherby Whitlock Winslow Yardley"
        ),
        languages=(("en", 100),),
        hyphenated=0.03,
        middle=_words("Anne James Rose Lee Marie Grey Jane Paul Kay Reed Beth Cole"),
    ),
    Origin(
        weight=15,
        given=_words(
            "Aaliyah Amari Asante Ayanna Cassius Darnell Deja De'Andre D'Angelo Ebony Elijah Essence Imani Isaiah Ja'Nae Jamal Jaylen Ka'Mya Keisha Khalil Kiara "
            "La'Shawn Langston Malachi Malik Monique Nia Octavia Percival Quincy Raekwon Sade Sha'Nia Simone Terrence Trevon Tyrell Unique Xavier Zaire Zora"
        ),
        family=_words(
            "Abrams Baptiste Battle Bolden Booker Broadnax Cato Dorsey Easley Fontaine Gaines Hairston Ivory Jeffries Kinsey Lyles McCoy Moseley Napper Oglesby "
            "Peoples Pettway Rucker Shabazz Strickland Tolliver Upshaw Vaughns Wardlaw Witherspoon Yancey"
        ),
        languages=(("en", 100),),
        hyphenated=0.06,
        middle=_words("Monae Renee Dwayne Jerome Nicole Marcel Denise Lamar"),
    ),
    Origin(
        weight=22,
        given=_words(
            "Alejandra Alejandro Ángel Ariana Belén Camila Catalina César Damián Diego Dulce Emiliano Esmeralda Fátima Fernanda Gael Gisela Guadalupe Héctor Inés "
            "Itzel Iván Jazmín Jesús Joaquín José Julián Lucía Luz Marisol Martín Mateo Maximiliano Mía Nayeli Noé Óscar Paloma Ramón Raúl Renata Rocío Rodrigo Santiago "
            "Sofía Tomás Valentina Xiomara Yaretzi Yesenia"
        ),
        family=_words(
            "Acevedo Aguirre Alarcón Ávila Barragán Bautista Beltrán Cárdenas Castañeda Cedillo Chávez Cisneros Corrales Delgado Domínguez Escárcega Espíndola Figueroa "
            "Galván Garza Gutiérrez Herrera Huerta Ibáñez Jaramillo Lozano Madrigal Márquez Melgar Montaño Muñoz Narváez Núñez Ocampo Ordóñez Palafox Peña Quiñones Quiroz "
            "Rentería Ríos Saldívar Santillán Tovar Treviño Urrutia Valdivia de_la_Cruz del_Río de_León Yáñez Zúñiga"
        ),
        languages=(("es", 72), ("en", 28)),
        double_surname=0.45,
        hyphenated=0.08,
        middle=_words("Elena Luis Isabel Antonio Guadalupe Andrés Pilar"),
    ),
    Origin(
        weight=5,
        given=_words(
            "Anh Bảo Chi Đức Duy Giang Hạnh Hiếu Hoàng Hương Khánh Khôi Lan Linh Long Mai Minh My Ngọc Nhi Phúc Phương Quân Quỳnh Thảo Thịnh Thủy Trang Trí Tuấn Uyên Vy"
        ),
        family=_words("Bùi Châu Đặng Đỗ Dương Huỳnh Lâm Lê Lý Ngô Nguyễn Phạm Phan Trần Trịnh Võ Vũ"),
        languages=(("vi", 65), ("en", 35)),
        middle=_words("Thị Văn Minh Ngọc Đức Thanh"),
    ),
    Origin(
        weight=4,
        given=_words(
            "Bao Chue Dao Fue Gaonou Houa Kaying Kong Leng Lia Mai_See Maiv Ntxhi Pa_Kou Paj_Ntaub Pao Paj Sheng Tou_Lee Txawj Vue Xeng Yer Zoua"
        ),
        family=_words("Chang Cheng Hang Her Kue Lor Ly Moua Thao Vaj Vang Xiong Yang"),
        languages=(("hmn", 60), ("en", 40)),
    ),
    Origin(
        weight=5,
        given=_words(
            "Abdulrahman Ahmad Aisha Amina Bilal Dalal Fadi Farah Ghassan Hala Hassan Ibrahim Jumana Kareem Khadija Layla Lubna Maryam Mustafa Nadia Noura Omar Rania "
            "Rashid Salma Samir Tariq Wafa Yasmin Yusuf Zaynab"
        ),
        family=_words(
            "Abdul-Karim Abu-Zayd Al-Amin al-Khatib Al-Masri An-Najjar Ayoub Bakri Darwish El-Sayed Fakhoury Haddad Ibn_Salim Kassab Khoury Mansour Nassar Qasim "
            "Rahal Sabbagh Saʿdi Shaheen Tawfiq Zaydan"
        ),
        languages=(("ar", 68), ("en", 32)),
    ),
    Origin(
        weight=2,
        given=_words(
            "Alana ʻAlohilani Anela Hōkū Iolana Kaʻiulani Kainoa Kalani Kamalei Kawika Keʻalohi Keoni Leilani Makoa Mālia Nāinoa Noelani ʻOhana Palila Pualani"
        ),
        family=_words(
            "Aʻala Haʻaheo Hoʻokano Kaʻahumanu Kahale Kaleoʻula Kamakaʻeha Kealoha Keaweʻaimoku Mahiʻai Nākoa ʻŌpūnui Pākī Puʻuwai"
        ),
        languages=(("en", 96), ("haw", 4)),
    ),
    Origin(
        weight=4,
        given=_words(
            "Bertille Daphnée Dieudonné Edwidge Fabiola Gérald Islande Jean-Baptiste Jean-Rony Lovelie Marie-Ange Mirlande Nadège Rose-Berline Wendeline Wilner Yvrose"
        ),
        family=_words(
            "Adé Belizaire Célestin Charlemagne Désir Estimé Florestal Jean-Louis Lafleur Mésidor Noël Pierre-Paul Saint-Fleur Toussaint Vilsaint"
        ),
        languages=(("ht", 66), ("fr", 6), ("en", 28)),
    ),
    Origin(
        weight=3,
        given=_words("梓涵 子轩 浩然 思远 美玲 小明 欣怡 嘉怡 Meilin Jiahao Xinyu Zihan Ruolan Haoyu Yichen Qiuyue"),
        family=_words("王 李 陈 林 黄 周 Zheng Ouyang Xu Hsieh Kwok Leung Ng Szeto"),
        languages=(("zh", 62), ("en", 38)),
        ascii=(
            ("梓涵", "zihan"),
            ("子轩", "zixuan"),
            ("浩然", "haoran"),
            ("思远", "siyuan"),
            ("美玲", "meiling"),
            ("小明", "xiaoming"),
            ("欣怡", "xinyi"),
            ("嘉怡", "jiayi"),
            ("王", "wang"),
            ("李", "li"),
            ("陈", "chen"),
            ("林", "lin"),
            ("黄", "huang"),
            ("周", "zhou"),
        ),
    ),
    Origin(
        weight=2,
        given=_words("Ha-eun Hyun-woo Ji-ho Ji-yoo Min-jun Seo-yeon Soo-ah Tae-yang Ye-jin Yu-na"),
        family=_words("Ahn Bae Cho E Gil Hwang Jeong Kwon Noh O Seok Yoon"),
        languages=(("ko", 55), ("en", 45)),
    ),
    Origin(
        weight=3,
        given=_words(
            "Aarav Ananya Bhavana Dev Gauri Harpreet Ishaan Jaswinder Kavya Lakshmi Manpreet Nikhil Pranav Rohini Saanvi Tanvir Uma Vikram"
        ),
        family=_words(
            "Bhattacharya Chaudhry Dhaliwal Gill Iyer Joshi Kulkarni Mukherjee Nair Pillai Raghunathan Sandhu Subramaniam Thakur U Venkataraman"
        ),
        languages=(("en", 52), ("pa", 16), ("hi", 12), ("ur", 12), ("ta", 8)),
    ),
    Origin(
        weight=3,
        given=_words(
            "Bohdan Dariya Halyna Illya Kseniya Lyubov Marko Nadiya Oleksiy Sofiya Taras Yaroslav Zlata Agnieszka Łukasz Małgorzata Wojciech Zuzanna"
        ),
        family=_words(
            "Bondarenko Hryhorenko Kovalchuk Lysenko Melnyk Petrenko Shevchuk Tkachenko Wójcik Zieliński Dąbrowska Szczepański Brzęczyk Čapek Dvořáková Kovačević"
        ),
        languages=(("uk", 30), ("ru", 18), ("pl", 10), ("en", 42)),
    ),
    Origin(
        weight=2,
        given=_words(
            "Abdirahman Ayaan Deeqa Faduma Hodan Ifrah Khadra Liban Mahad Nimco Sagal Warsame Chidi Ngozi Oluwaseun Folasadé Tiwa Ìyanu Adébáyò Makena"
        ),
        family=_words("Abdullahi Dirie Farah Guled Hersi Jama Warfa Adeyemi Chukwu Ńwosu Okonkwo Ògúnlẹ́yẹ Owusu Wanjiku"),
        languages=(("so", 40), ("en", 48), ("am", 12)),
    ),
    Origin(
        weight=4,
        given=_words(
            "Aoife Ciarán Déaglán Éabha Fionn Gráinne Niamh Oisín Róisín Saoirse Siobhán Tadhg Björn Freyja Göran Jürgen Käthe Linnéa Sören Anaïs Benoît Chloé Zoë"
        ),
        family=_words(
            "O'Brien O'Dálaigh O'Shea MacGiolla McAuliffe Ní_Bhriain D'Arcy Åkesson Bergström Größner Köhler Lindqvist Møller Sjögren Van_der_Meer von_Rötteln L'Écuyer Lévesque Çelik Yıldız"
        ),
        languages=(("en", 94), ("de", 2), ("fr", 2), ("tr", 2)),
        hyphenated=0.05,
    ),
    Origin(
        weight=2,
        given=_words("Beatriz Caetano Davi Heitor Joana João Laís Luísa Otávio Thaís Vitória Yasmim"),
        family=_words("Araújo Brandão Conceição Falcão Guimarães Leitão Magalhães Assunção Simões Távora"),
        languages=(("pt", 70), ("en", 30)),
        double_surname=0.3,
    ),
    Origin(
        weight=2,
        given=_words("Ahyoka Dakota Elu Honovi Kaya Nizhoni Shándíín Tayen Winona Yanaba"),
        family=_words("Begaye Benally Littlebird Many_Goats Standing_Elk Tsosie Two_Hearts Whitehorse Yellowhair Yazzie-Tso"),
        languages=(("en", 84), ("nv", 16)),
    ),
)

SUFFIXES = ("Jr.", "II", "III")

STREETS = (
    "Heron Lane", "Juniper Court", "Old Mill Road", "Larkspur Avenue", "Cypress Bend", "Quarry Street", "Sandpiper Way", "Beacon Hill Drive",
    "Foundry Row", "Magnolia Terrace", "Tamarack Trail", "Ferry Landing", "Wren Circle", "Orchard Street", "Copper Creek Road", "Harbor View",
)  # fmt: skip

SCHOOL_NAMES = (
    "Alder Creek", "Bayberry", "Cedar Hollow", "Dogwood Park", "Egret Point", "Foxglove", "Granite Ridge", "Hickory Grove", "Indigo Bay", "Jasmine Hill",
    "Kestrel", "Lantana", "Marsh Harbor", "Nutmeg Lane", "Osprey Landing", "Palmetto Bluff", "Quail Run", "Redbud", "Saltwater", "Tupelo Springs",
    "Upland", "Verbena", "Willow Branch", "Yellow Pine",
)  # fmt: skip
