"""Names of a region's families, commonest first, written down for the synthetic populations; nobody's list was copied and nobody is meant."""

from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Names:
    """Names with their running weights, as ``random.choices`` wants them: the nth name weighs ``1 / (n + 8) ** skew``."""

    names: tuple[str, ...]
    running: tuple[float, ...]


def _ranked(*texts: str, skew: float = 0.8) -> Names:
    """The words of all texts in turn, an underscore standing for a blank; a name that comes again keeps its first rank."""
    names = tuple(dict.fromkeys(word for text in texts for word in _words(text)))
    return Names(names, tuple(accumulate(1 / (rank + 8) ** skew for rank in range(len(names)))))


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.replace("_", " ") for word in text.split())


def _first(count: int, text: str) -> str:
    return " ".join(text.split()[:count])


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((one, other) for one, _, other in (pair.partition("/") for pair in text.split()))


def _table(text: str) -> dict[str, tuple[str, ...]]:
    return {formal: tuple(short.split("/")) for formal, _, short in (entry.partition(":") for entry in text.split())}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The names of one community. ``weight``: its share of households, in thousandths.

    ``girls`` and ``boys`` were born in this century, ``women`` and ``men`` are their parents. ``double`` is the share of children with two surnames,
    ``hyphenated`` of those who write a hyphen otherwise, ``compound`` of children with a given name of two words, ``middle`` of those with a
    middle name; ``namesake`` of first sons who have their father's name, and whether a family writes Jr. at all is ``juniors``.
    """

    name: str
    weight: int
    girls: Names
    boys: Names
    women: Names
    men: Names
    family: Names
    girls_middle: Names
    boys_middle: Names
    languages: tuple[str, ...] = ("en",)
    double: float = 0.0
    hyphenated: float = 0.02
    compound: float = 0.0
    middle: float = 0.85
    namesake: float = 0.05
    juniors: float = 0.85


_GIRLS = (
    "Olivia Emma Ava Charlotte Sophia Amelia Isabella Mia Evelyn Harper Luna Camila Gianna Elizabeth Eleanor Ella Abigail Sofia Avery Scarlett Emily Aria "
    "Penelope Chloe Layla Mila Nora Hazel Madison Ellie Lily Nova Isla Grace Violet Aurora Riley Zoey Willow Emilia Stella Zoe Victoria Hannah Addison Leah "
    "Lucy Eliana Ivy Everly Lillian Paisley Elena Naomi Maya Natalie Kinsley Delilah Claire Audrey Aaliyah Ruby Brooklyn Alice Aubrey Autumn Leilani Savannah "
    "Valentina Kennedy Madelyn Josephine Bella Skylar Genesis Sophie Hailey Sadie Natalia Quinn Caroline Allison Gabriella Anna Serenity Nevaeh Cora Ariana "
    "Emery Lydia Jade Sarah Eva Adeline Madeline Piper Rylee Athena Peyton Everleigh Vivian Clara Raelynn Liliana Samantha Maria Iris Ayla Eloise Lyla Eliza "
    "Hadley Melody Julia Parker Rose Isabelle Brielle Adalynn Arya Eden Remi Mackenzie Maeve Margaret Reagan Charlie Alaia Melanie Josie Elliana Cecilia Mary "
    "Daisy Alina Lucia Ximena Juniper Kaylee Magnolia Summer Adalyn Sloane Amara Arianna Isabel Reese Emersyn Sienna Kehlani River Freya Valerie Blakely "
    "Genevieve Esther Valeria Katherine Kylie Norah Amaya Bailey Ember Ryleigh Georgia Catalina Emerson Alexandra Faith Jasmine Ariella Ashley Andrea Millie "
    "June Khloe Callie Juliette Sage Ada Anastasia Olive Alani Brianna Rosalie Molly Brynlee Amy Ruth Aubree Gemma Taylor Oakley Margot Arabella Sara Journee "
    "Harmony Blake Alaina Aspen Noelle Selena Oaklynn Morgan Londyn Zuri Aliyah Jordyn Juliana Finley Presley Zara Leila Marley Sawyer Amira Lilly Kimberly "
    "Elsie Ariel Lila Alana Diana Kamila Nyla Vera Hope Annie Kaia Myla Alyssa Angela Ana Lennon Evangeline Harlow Rachel Gracie Rowan Laila Elise Sutton "
    "Lilah Adelyn Phoebe Octavia Sydney Mariana Wren Lainey Vanessa Teagan Kayla Malia Elaina Saylor Brooke Lola Miriam Alayna Adelaide Daniela Jane Payton "
    "Jenny Jen Emely Emilee Kate Kaitlyn Katelyn Kaelyn Jayla Jaylah Kyla Kylah Madilyn Makayla Mikayla Michaela Haley Hayley Carly Carlie Kara Cara Tessa "
    "Tess Marie Maggie Lena Lana Erin Erica Ellen Helen Hallie Holly Heidi Rebecca Jessica Jessie Nicole Noel Kristen Kirsten Christina Kristina Paige Gabrielle"
)
_BOYS = (
    "Liam Noah Oliver James Elijah William Henry Lucas Benjamin Theodore Mateo Levi Sebastian Daniel Jack Michael Alexander Owen Asher Samuel Ethan Leo Jackson "
    "Mason Ezra John Hudson Luca Aiden Joseph David Jacob Logan Luke Julian Gabriel Grayson Wyatt Matthew Maverick Dylan Isaac Elias Anthony Thomas Jayden Carter "
    "Santiago Ezekiel Charles Josiah Caleb Cooper Lincoln Miles Christopher Nathan Isaiah Kai Joshua Andrew Angel Adrian Cameron Nolan Waylon Jaxon Roman Eli "
    "Wesley Aaron Ian Christian Ryan Leonardo Brooks Axel Walker Jonathan Easton Everett Weston Bennett Robert Jameson Landon Silas Jose Beau Micah Colton Jordan "
    "Jeremiah Parker Greyson Rowan Adam Nicholas Theo Xavier Hunter Dominic Jace Gael River Thiago Kayden Damian August Carson Austin Myles Amir Declan Emmett "
    "Ryder Luka Connor Jaxson Milo Enzo Giovanni Vincent Diego Luis Archer Harrison Kingston Atlas Jasper Sawyer Legend Lorenzo Evan Jonah Chase Bryson Adriel "
    "Nathaniel Arthur Juan George Cole Zion Jason Ashton Carlos Calvin Brayden Elliot Rhett Emiliano Ace Jayce Graham Max Braxton Leon Ivan Hayden Jude Malachi "
    "Dean Tyler Jesus Zachary Kaiden Elliott Arlo Emmanuel Ayden Bentley Maxwell Amari Ryker Finn Antonio Charlie Maddox Justin Judah Kevin Dawson Matteo Miguel "
    "Zayden Camden Messiah Alan Alex Nicolas Felix Alejandro Jesse Beckett Matias Tucker Emilio Xander Knox Oscar Beckham Timothy Abraham Andres Gavin Brody "
    "Barrett Hayes Jett Brandon Joel Victor Peter Abel Edward Karter Patrick Richard Grant Avery King Adonis Colin Tatum Jaylen Jaden Jalen Kaden Caden Braden "
    "Jayson Kyler Kyle Tristan Trenton Trevor Travis Preston Spencer Sean Shawn Shane Seth Brian Bryan Brayan Ryland Rylan Reid Reed Eric Erik Derek Cody Kody "
    "Corey Cory Devin Devon Marcus Mark Marc Martin Phillip Philip Steven Stephen Dakota Drew Garrett Griffin Collin Conner Conor Dallas Davis Donovan Gage "
    "Holden Jake Johnny Jon Keegan Landen Mitchell Payton Ricky Riley Sam Simon Skyler Tanner Zane Alec Bryce Blake Clayton Dalton Damon Dillon Dominick Edwin"
)
_WOMEN = (
    "Jennifer Jessica Amanda Ashley Sarah Stephanie Melissa Nicole Elizabeth Heather Michelle Amber Megan Kimberly Christina Rachel Laura Lauren Tiffany "
    "Brittany Amy Kelly Angela Rebecca Lisa Crystal Erin Danielle Katherine Samantha Emily Sara Jamie Mary Julie Christine Andrea Shannon Erica Vanessa Lindsay "
    "Natalie Kristen April Katie Allison Kathryn Courtney Alicia Jenny Kristin Dana Anna Holly Tara Stacy Kristina Jacqueline Monica Brandy Cynthia Patricia "
    "Leah Karen Diana Leslie Veronica Margaret Kathleen Victoria Molly Casey Catherine Teresa Tina Dawn Tracy Wendy Robin Pamela Susan Linda Sandra Donna Carol "
    "Sharon Deborah Barbara Nancy Brenda Cheryl Denise Debra Janet Judith Maria Marie Jill Joanna Bethany Candice Desiree Gina Krista Meredith Priscilla Sheila"
)
_MEN = (
    "Michael Christopher Matthew Joshua David James Daniel Robert John Joseph Jason Justin Andrew Ryan William Brian Jonathan Brandon Nicholas Anthony Eric Adam "
    "Kevin Steven Thomas Timothy Kyle Richard Jeffrey Jeremy Benjamin Mark Aaron Charles Jacob Stephen Patrick Sean Zachary Nathan Dustin Paul Tyler Scott "
    "Travis Gregory Kenneth Bryan Jose Alexander Jesse Cody Bradley Samuel Shawn Derek Chad Jared Edward Peter Marcus Jordan Corey Keith Juan Donald Joel "
    "Phillip Ronald George Antonio Shane Raymond Carlos Douglas Nathaniel Ian Craig Alex Cory Gary Derrick Philip Frank Larry Erik Gerald Roger Jerry Dennis "
    "Walter Randy Ricky Terry Lawrence Carl Arthur Henry Albert Joe Wayne Roy Ralph Eugene Louis Russell Bobby Johnny Willie Howard Fred Ernest Martin Todd"
)
_ANGLO_FAMILY = (
    "Smith Johnson Williams Brown Jones Miller Davis Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Thompson White Harris Clark Lewis Robinson Walker "
    "Young Allen King Wright Scott Hill Green Adams Nelson Baker Hall Campbell Mitchell Carter Roberts Phillips Evans Turner Parker Collins Edwards Stewart "
    "Morris Murphy Cook Rogers Morgan Peterson Cooper Reed Bailey Bell Kelly Howard Ward Cox Richardson Wood Watson Brooks Bennett Gray James Hughes Price Myers "
    "Long Foster Sanders Ross Morales Powell Sullivan Russell Ortiz Jenkins Perry Butler Barnes Fisher Henderson Coleman Simmons Patterson Jordan Reynolds "
    "Hamilton Graham Kim Wallace Woods Cole West Owens Hayes Ellis Bryant Gibson McDonald Cruz Marshall Gomez Murray Freeman Wells Webb Simpson Stevens Tucker "
    "Porter Hunter Hicks Crawford Henry Boyd Mason Kennedy Warren Dixon Burns Gordon Shaw Holmes Rice Robertson Hunt Black Daniels Palmer Mills Nichols Grant "
    "Knight Ferguson Rose Stone Hawkins Dunn Perkins Hudson Spencer Gardner Stephens Payne Pierce Berry Matthews Arnold Wagner Willis Ray Watkins Olson Carroll "
    "Duncan Snyder Hart Cunningham Bradley Lane Andrews Harper Fox Riley Armstrong Carpenter Weaver Greene Lawrence Elliott Chavez Sims Austin Peters Kelley "
    "Franklin Lawson Fields Ryan Schmidt Carr Wheeler Chapman Oliver Montgomery Richards Williamson Johnston Banks Meyer Bishop McCoy Howell Morrison Hansen "
    "Garza Harvey Little Burton Stanley George Jacobs Reid Fuller Lynch Dean Gilbert Garrett Welch Larson Frazier Burke Hanson Day Mendoza Moreno Bowman Medina "
    "Fowler Brewer Hoffman Carlson Silva Pearson Holland Douglas Fleming Jensen Vargas Byrd Davidson Hopkins May Terry Herrera Wade Soto Walters Curtis Neal "
    "Caldwell Lowe Jennings Barnett Graves Jimenez Horton Shelton Barrett O'Brien Castro Sutton Gregory McKinney Lucas Miles Craig Rodriquez Chambers Holt "
    "Lambert Fletcher Watts Bates Hale Rhodes Pena Beck Newman Haynes McDaniel Mendez Bush Vaughn Parks Dawson Santiago Norris Hardy Love Steele Curry Powers "
    "Schultz Barker Guzman Page Munoz Ball Keller Chandler Weber Leonard Walsh Lyons Ramsey Wolfe Schneider Mullins Benson Sharp Bowen Daniel Barber Cummings "
    "Hines Baldwin Griffith Valdez Hubbard Salazar Reeves Warner Stevenson Burgess Santos Tate Cross Garner Mann Mack Moss Thornton Dennis McGee Farmer Delgado "
    "Aguilar Vega Glover Manning Cohen Harmon Rodgers Robbins Newton Todd Blair Higgins Ingram Reese Cannon Strickland Townsend Potter Goodwin Walton Rowe "
    "Hampton Ortega Patton Swanson Joseph Francis Goodman Maldonado Yates Becker Erickson Hodges Rios Conner Adkins Webster Norman Malone Hammond Flowers Cobb "
    "Moody Quinn Blake Maxwell Pope Floyd Osborne Paul McCarthy Guerrero Lindsey Estrada Sandoval Gibbs Tyler Gross Fitzgerald Stokes Doyle Sherman Saunders Wise "
    "Colon Gill Alvarado Greer Padilla Simon Waters Nunez Ballard Schwartz McBride Houston Christensen Klein Pratt Briggs Parsons McLaughlin Zimmerman French "
    "Buchanan Moran Copeland Roy Pittman Brady McCormick Holloway Brock Poole Frank Logan Owen Bass Marsh Drake Wong Jefferson Park Morton Abbott Sparks Patrick "
    "Norton Huff Clayton Massey Lloyd Figueroa Carson Bowers Roberson Barton Tran Lamb Harrington Casey Boone Cortez Clarke Mathis Singleton Wilkins Cain Bryan "
    "Underwood Hogan McKenzie Collier Luna Phelps McGuire Allison Bridges Wilkerson Nash Summers Atkins"
)
_BLACK_GIRLS = (
    "Aaliyah Nevaeh Serenity Imani Amari Skylar Jada Kennedy Zoe Zuri Nia Kiara Destiny Makayla Trinity Aniyah Journey Nyla Amiyah Royalty Jasmine Kayla Janiyah "
    "Saniyah Taniyah Shaniya Ja'Niyah De'Asia Ka'Mya La'Tasha Brielle Miracle Harmony Dior Egypt Heaven Ebony Essence Diamond Precious Raven Tiana Tatiana Tiara "
    "Tamia Tamya Kamiyah Amiya Samiyah Mariah Moriah Kimora Laniyah Lyric Melody Chanel Chantel Dominique Deja Asia Ayanna Ariyah Akira Aniya Jamila Jaliyah "
    "Jakayla Ty'Asia Zaria Zariah Zaniyah Sanaa Sarai Simone Naomi Nylah Nala Morgan Jordan Khloe London Paris Phoenix Rihanna Treasure Unique Monique Shanice"
)
_BLACK_BOYS = (
    "Elijah Josiah Isaiah Jeremiah Jayden Jaylen Jalen Jordan Xavier Malachi Messiah Amir Amari Kingston King Zion Carter Cameron Aiden Ayden Kayden Legend Khalil "
    "Malik Jamal Jabari Darius Demetrius DeAndre De'Andre DeShawn Da'Quan D'Angelo Dante Donte Devonte Tyrone Tyrell Terrell Terrance Terrence Tyrese Tyree "
    "Marquis Marquise Marcus Maurice Andre Antwan Antoine Kareem Kendrick Kamari Kameron Ka'Mari Keyshawn Ja'Marcus Ja'Marion Jamarion Jakobe Jakari Javion "
    "Javon Jermaine Jerome Lamar Lamont Langston Omari Omarion Prince Quincy Rashad Raheem Roderick Rodney Semaj Taj Trevon Tremaine Micah Nasir Nehemiah Noah "
    "Darnell Darryl Dwayne Cedric Cornelius Chance Bryson Braylon Jaiden Jace Jaxon Royal Sincere Syncere Zaire Zamir Kobe Kyrie Caleb Christian"
)
_BLACK_FAMILY = (
    "Williams Johnson Smith Jones Brown Jackson Davis Thomas Harris Robinson Taylor Wilson Moore White Washington Lewis Walker Green Anderson Scott Mitchell Hill "
    "Allen Carter King Wright Turner Thompson Young Martin Jenkins Parker Coleman Evans Edwards Simmons Bell James Howard Brooks Butler Hall Joseph Sanders "
    "Henderson Bryant Richardson Alexander Woods Barnes Powell Franklin Gaines Jefferson Booker Banks Mosley Dorsey Hairston Bolden Tolliver Pettway Upshaw "
    "Witherspoon McCray McNeil Battle Gadson Grier Bullock Spratling Cato Frazier Glover Ivory Gilliam Pinkney Moultrie Rivers Singletary Gadsden Whitfield "
    "Muhammad Sumpter Broadnax Drayton Speights Lyles Randolph Ruffin Boykin Batiste Cotton Holloman Ravenell Grayer Braxton Pettiford Vereen Blakeney Kirkland"
)
_HISPANIC_GIRLS = (
    "Sofía Camila Valentina Isabella Mía Ximena Emily Ashley Genesis Daniela Valeria María Natalia Victoria Samantha Luna Emma Melanie Andrea Gabriela Mariana "
    "Ariana Alexa Fernanda Paula Lucía Renata Regina Romina Elena Alondra Angela Angelina Adriana Aileen Aitana Alejandra Allison Alicia Amy Ana Araceli Arely "
    "Bella Brianna Brisa Carolina Catalina Celeste Citlali Cynthia Damaris Dayana Delilah Diana Dulce Emely Esmeralda Estefanía Estrella Evelyn Fátima Frida "
    "Gianna Giselle Guadalupe Hazel Itzel Jacqueline Jasmín Jazlyn Jennifer Jimena Julieta Karen Karla Katherine Kimberly Leslie Leilani Lesly Liliana Litzy "
    "Lizbeth Maite Marisol Maritza Marlene Mayra Melissa Miranda Mónica Nancy Naomi Natalie Nayeli Nicole Noemí Paloma Perla Rocío Rosa Rubí Sara Sarahí Selena "
    "Stephanie Tatiana Vanessa Verónica Viviana Wendy Xiomara Yamileth Yaretzi Yesenia Zoe"
)
_HISPANIC_BOYS = (
    "Santiago Mateo Sebastián Diego Daniel Angel Alexander Gabriel David Leonardo José Luis Juan Carlos Jesús Miguel Matías Emiliano Thiago Adrián Julián Samuel "
    "Gael Isaac Ethan Liam Jayden Kevin Christian Cristian Alejandro Antonio Fernando Eduardo Ricardo Jorge Javier Joel Josué Andrés Aaron Abel Abraham Alan Aldo "
    "Alexis Alfonso Alfredo Anthony Armando Arturo Axel Bryan Brayan Bruno César Cristóbal Damián Dante Derek Dominic Edgar Edwin Elías Elian Emanuel Emmanuel "
    "Emilio Enrique Erick Ernesto Esteban Ezequiel Fabián Felipe Francisco Gerardo Gilberto Giovanni Guillermo Gustavo Héctor Hugo Ian Iker Iván Jaime Jairo "
    "Jonathan Joaquín Jordan Joshua Kenneth Leandro León Lorenzo Lucas Manuel Marco Marcos Mario Martín Mauricio Maximiliano Maximus Moisés Nicolás Noé Omar "
    "Óscar Pablo Pedro Rafael Ramiro Raúl René Ricky Rodrigo Rogelio Román Rubén Salvador Saúl Sergio Tomás Uriel Víctor Xavier Yahir"
)
_HISPANIC_WOMEN = (
    "María Guadalupe Ana Claudia Patricia Elizabeth Verónica Gabriela Adriana Sandra Leticia Rosa Martha Silvia Norma Diana Mónica Laura Karina Yesenia Maribel "
    "Erika Araceli Blanca Alma Carmen Elena Teresa Margarita Gloria Alejandra Angélica Beatriz Brenda Carolina Cecilia Cristina Dolores Elvira Esther Eva Fabiola "
    "Graciela Irma Isabel Jessica Josefina Juana Julia Liliana Lorena Lucía Luz Marisol Mayra Mireya Miriam Nancy Olivia Paola Raquel Rocío Rosario Sonia Susana "
    "Vanessa Virginia Yolanda Jennifer Daniela"
)
_HISPANIC_FAMILY = (
    "García Rodríguez Martínez Hernández López González Pérez Sánchez Ramírez Torres Flores Rivera Gómez Díaz Reyes Cruz Morales Ortiz Gutiérrez Chávez Ramos "
    "Ruiz Álvarez Mendoza Vásquez Castillo Jiménez Moreno Romero Herrera Medina Aguilar Garza Castro Vargas Fernández Guzmán Muñoz Méndez Salazar Soto Delgado "
    "Peña Ríos Alvarado Sandoval Contreras Valdez Guerrero Ortega Estrada Núñez Maldonado Vega Santiago Domínguez Espinoza Silva Padilla Márquez Cortez Rojas "
    "Acosta Figueroa Luna Juárez Navarro Campos Molina Ávila Ayala Mejía Carrillo Durán Santos Salinas Robles Solís Lara Cervantes Aguirre Ochoa Cabrera Velásquez "
    "Montoya Fuentes Trujillo Cárdenas Serrano Calderón Miranda Gallegos Nava León Velázquez Rosales Pacheco Orozco Bautista Zamora Mora Villarreal Cisneros "
    "Ibarra Escobar Barrera Villanueva Colón Valencia Rosario Macías Meza Zavala Arias Leal Suárez Andrade Guerra Trevino Rangel Quintero Bonilla Esparza Beltrán "
    "Rubio Palacios Hinojosa Cantú Camacho De_la_Cruz De_la_Rosa Del_Toro De_León Cuevas Galván Huerta Salas Tapia Franco Castañeda Vela Rosas Arellano Ponce "
    "Zúñiga Marín Duarte Cordero Osorio Varela Nieves Vélez Marrero Quiñones Feliciano Pagán Otero Cintrón Alicea Rentería Becerra Enríquez Magaña Corona Magallanes "
    "Barajas Saldaña Ventura Olivares Escamilla Portillo Alfaro Argueta Chicas Guevara Henríquez Landaverde Menjívar Recinos Sorto Umaña Zelaya Amaya Benítez Burgos "
    "Carranza Correa Cuellar Dávila Elizondo Gaitán Godínez Ledesma Lozano Lucero Madrid Monroy Montes Murillo Nájera Ocampo Paredes Plascencia Prado Puente Quezada "
    "Rico Rivas Saucedo Segura Serna Sierra Tejada Toledo Tovar Urbina Uribe Valle Vallejo Vera Villa Villegas Yáñez Zapata Zepeda"
)
_VIETNAMESE_FAMILY = "Nguyen Tran Le Pham Huynh Hoang Phan Vu Vo Dang Bui Do Ho Ngo Duong Ly Dinh Lam Mai Truong Trinh Cao Dao Doan Luong Ta Thai To Quach Chau"
_VIETNAMESE_GIRLS = "Linh Anh Trang Huong Thao Vy Nhi Ngoc My Lan Mai Phuong Quynh Thuy Uyen Yen Kim Tien Tram Truc Van Xuan Hanh Hoa Chau Chi Diem Emily Jenny Kaylee Vivian Tiffany"
_VIETNAMESE_BOYS = "Minh Anh Khoa Duc Huy Khang Long Nam Phuc Quan Tuan Tri Thanh Thinh Bao Dat Dung Hieu Hung Khanh Kiet Lam Phong Son Tai Tien Viet Vinh Kevin Andrew Brandon Ethan"
_CHINESE_FAMILY = (
    "Chen Wang Li Zhang Liu Lin Huang Wu Yang Zhao Zhou Xu Sun Ma Zhu Hu Guo He Gao Luo Zheng Liang Xie Tang Han Feng Deng Cao Peng Zeng Xiao Tian Dong Pan Yuan Cai "
    "Jiang Yu Du Ye Cheng Wei Su Lu Ding Ren Shen Yao Lau Leung Chan Wong Cheung Kwok Ng Tam Yip Lai Chow Ho Fong Hsu Hsieh Tsai Chiu Ouyang Szeto"
)
_CHINESE_GIRLS = (
    "Emily Sophia Grace Jessica Mia Xinyi Yutong Zihan Yuxin Jiayi Mengqi Siyu Yiran Ruoxi Xinyue Yihan Ziyi Meiling Jing Li Lihua Fang Hui Qian Ting Wen Yan Ying Yu "
    "Xiaoyan Cynthia Vivian"
)
_CHINESE_BOYS = (
    "Ethan Kevin Andrew Eric Jason Haoran Yuchen Zihao Junjie Yifan Haoyu Zixuan Jiahao Minghao Chenxi Ruiyang Tianyu Wei Jian Jun Lei Ming Hao Peng Qiang Tao Xin Yang "
    "Yong Zhe Albert Alvin"
)
_KOREAN_FAMILY = "Kim Lee Park Choi Jung Kang Cho Yoon Chang Lim Han Shin Seo Kwon Hwang Ahn Song Hong Yoo Ko Moon Yang Bae Nam Noh Ha Jeon Chung Oh Baek"
_KOREAN_GIRLS = "Grace Esther Hannah Seo-yeon Min-ji Ji-woo Ha-eun Ji-min Ye-jin Soo-min Yuna Hana Ji-hye Eun-ji Soo-jin Mi-kyung Young-hee Hye-jin Claire Chloe"
_KOREAN_BOYS = "Daniel Joshua David Min-jun Seo-jun Ji-ho Do-yun Joon-ho Sung-min Hyun-woo Jae-won Min-ho Ji-hoon Tae-hyun Dong-hyun Young-ho Andrew Ryan Eugene Samuel"
_ARABIC_FAMILY = (
    "Ali Ahmed Mohamed Hassan Hussein Ibrahim Khan Mahmoud Saleh Omar Abdullah Mustafa Youssef Hamdan Haddad Khoury Mansour Nasser Nassar Saad Said Salem Shaheen "
    "Al-Amin Al-Masri Al-Hassan Al-Jabri El-Sayed El-Amin Abu-Bakr Abu-Zaid Abdul-Karim Aziz Bakr Darwish Farah Fares Habib Hakim Hamad Issa Jaber Kassem Khalil "
    "Malik Najjar Odeh Qasim Rahman Rashid Sabbagh Suleiman Tawfik Yassin Zaidan Awad Ghanem Hijazi Barakat Daher"
)
_ARABIC_GIRLS = (
    "Fatima Maryam Aisha Zainab Layla Noor Sara Amina Hana Yasmin Salma Jana Malak Mariam Zahra Khadija Rania Lina Dana Huda Iman Nadia Rahaf Ruqayyah Sumaya Hafsa "
    "Leila Laila Lamia Aya Asma Amal Reem Rana Dalia Farah Hala Jumana"
)
_ARABIC_BOYS = (
    "Mohammed Muhammad Ahmed Ahmad Omar Ali Yusuf Youssef Ibrahim Hassan Hussein Adam Khalid Mustafa Abdullah Abdulrahman Hamza Bilal Zaid Zayd Tariq Karim Samir Sami "
    "Rami Faris Nasir Anas Ayman Amir Bashir Hadi Idris Ismail Jamal Kareem Mahmoud Malik Osama Saif Salman Suleiman Walid Yahya"
)
_INDIAN_FAMILY = (
    "Patel Singh Sharma Kumar Shah Gupta Reddy Khan Rao Desai Mehta Joshi Iyer Nair Agarwal Verma Kaur Das Chowdhury Banerjee Mukherjee Chatterjee Bose Sen Ghosh Pillai "
    "Menon Krishnan Subramanian Venkatesan Raghavan Kapoor Malhotra Chopra Khanna Bhatt Trivedi Dave Gandhi Parikh Amin Naidu Prasad Mishra Pandey Tiwari Yadav Saini "
    "Gill Sandhu Dhillon Grewal Sidhu Bajwa Hussain Siddiqui Qureshi Rahman Begum Akhtar"
)
_INDIAN_GIRLS = (
    "Ananya Aanya Diya Saanvi Anika Aditi Priya Riya Isha Kavya Meera Mira Neha Nisha Pooja Shreya Tara Zara Aarohi Avni Ishani Jasmine Kiran Lakshmi Maya Navya Pari "
    "Radhika Sanjana Simran Sneha Trisha Vidya"
)
_INDIAN_BOYS = (
    "Aarav Arjun Vihaan Aditya Rohan Krishna Ishaan Dev Aryan Rahul Rishi Neil Nikhil Pranav Sai Shaan Vivek Yash Amit Anil Ashwin Dhruv Gurpreet Harpreet Jaspreet Karan "
    "Kunal Manpreet Om Raj Ravi Sameer Sanjay Siddharth Varun Veer"
)
_CARIBBEAN_FAMILY = (
    "Jean Pierre Joseph Louis Charles Jean-Baptiste Jean-Louis Pierre-Louis Saint-Louis François Michel Paul Augustin Baptiste Toussaint Désir Estimé Célestin Dorvil "
    "Etienne Fleurimond Germain Lafleur Laguerre Metellus Noël Philippe Saintil Vilsaint Campbell Clarke Grant Bailey Gordon Reid"
)
_CARIBBEAN_GIRLS = "Fabiola Nadège Widline Rose-Marie Marie-Ange Marie Daphnée Guerline Islande Lovely Mirlande Naïka Roseline Stephanie Tamara Esther Rachelle Kerline Shanice Tianna"
_CARIBBEAN_BOYS = "Jean Wilner Jean-Claude Jean-Pierre Dieudonné Emmanuel Frantz Gérald Jameson Kervens Mackenson Peterson Reginald Ricardo Roberto Samuel Stanley Steeve Wendy Woodley"
_SLAVIC_FAMILY = (
    "Ivanov Petrov Kovalenko Shevchenko Bondarenko Tkachenko Melnyk Kravchenko Kowalski Nowak Wiśniewski Wójcik Kamiński Lewandowski Zieliński Szymański Woźniak Dąbrowski "
    "Novák Svoboda Dvořák Horvat Kovačević Marković Jovanović Petrović Popescu Ionescu Popa Volkov Sokolov Morozov Pavlenko Savchenko Marchenko Lysenko"
)
_SLAVIC_GIRLS = "Sofia Anastasia Maria Anna Daria Victoria Polina Alina Milana Zlata Oksana Olga Natalia Tatiana Zuzanna Julia Maja Hanna Katarina Ivana Elena Irina Yulia Kateryna"
_SLAVIC_BOYS = "Maksim Artem Alexander Dmitri Ivan Mikhail Nikita Daniil Andriy Oleksandr Bohdan Taras Jakub Szymon Filip Wojciech Piotr Luka Marko Stefan Vlad Sergei Pavel Yuri"

_EN_F_MIDDLE = _ranked(
    "Marie Rose Grace Ann Elizabeth Lynn Nicole Jane Mae Renee Hope Faith Michelle Claire Kate Louise Jean Noelle Jade Leigh Anne Elise Rae Ray Joy"
)
_EN_M_MIDDLE = _ranked(
    "James Michael Lee Alexander William Joseph Thomas Allen David John Ray Scott Edward Robert Wayne Anthony Lamar Dean Daniel Cole Reid Paul Grant"
)
_ES_F_MIDDLE = _ranked(
    "Guadalupe Isabel María Elena Fernanda Alejandra Sofía Nicole Valentina José Carolina Rosario Abigail Michelle Esperanza Luz"
)
_ES_M_MIDDLE = _ranked(
    "Antonio Alejandro Luis Manuel Ángel José Eduardo Jesús Daniel David Alberto Enrique Javier Andrés Gabriel Ignacio María"
)

ORIGINS: tuple[Origin, ...] = (
    Origin(
        name="anglo", weight=410, girls=_ranked(_GIRLS), boys=_ranked(_BOYS), women=_ranked(_WOMEN), men=_ranked(_MEN), family=_ranked(_ANGLO_FAMILY),
        girls_middle=_EN_F_MIDDLE, boys_middle=_EN_M_MIDDLE, hyphenated=0.03, compound=0.015,
    ),
    Origin(
        name="black", weight=170, girls=_ranked(_BLACK_GIRLS, _first(100, _GIRLS)), boys=_ranked(_BLACK_BOYS, _first(100, _BOYS)), women=_ranked("Keisha Latoya Tamika Ebony", _WOMEN),
        men=_ranked("Marcus Terrence Jermaine Andre Darius", _MEN), family=_ranked(_BLACK_FAMILY, skew=0.9), girls_middle=_EN_F_MIDDLE, boys_middle=_EN_M_MIDDLE,
        hyphenated=0.05, namesake=0.08,
    ),
    Origin(
        name="hispanic", weight=280, girls=_ranked(_HISPANIC_GIRLS), boys=_ranked(_HISPANIC_BOYS), women=_ranked(_HISPANIC_WOMEN), men=_ranked(_HISPANIC_BOYS),
        family=_ranked(_HISPANIC_FAMILY, skew=0.95), girls_middle=_ES_F_MIDDLE, boys_middle=_ES_M_MIDDLE, languages=("es", "es", "es", "en"), double=0.4, hyphenated=0.05,
        compound=0.09, middle=0.55, namesake=0.09, juniors=0.45,
    ),
    Origin(
        name="vietnamese", weight=20, girls=_ranked(_VIETNAMESE_GIRLS), boys=_ranked(_VIETNAMESE_BOYS), women=_ranked(_VIETNAMESE_GIRLS), men=_ranked(_VIETNAMESE_BOYS),
        family=_ranked(_VIETNAMESE_FAMILY, skew=1.1), girls_middle=_ranked("Thi Ngoc Thanh My Minh Kim Bao"), boys_middle=_ranked("Van Minh Duc Quoc Thanh Hoang Gia"),
        languages=("vi", "en"), compound=0.12, namesake=0.0,
    ),
    Origin(
        name="chinese", weight=22, girls=_ranked(_CHINESE_GIRLS), boys=_ranked(_CHINESE_BOYS), women=_ranked(_CHINESE_GIRLS), men=_ranked(_CHINESE_BOYS),
        family=_ranked(_CHINESE_FAMILY), girls_middle=_ranked(_CHINESE_GIRLS), boys_middle=_ranked(_CHINESE_BOYS), languages=("zh", "en"), middle=0.3, namesake=0.0,
    ),
    Origin(
        name="korean", weight=8, girls=_ranked(_KOREAN_GIRLS), boys=_ranked(_KOREAN_BOYS), women=_ranked(_KOREAN_GIRLS), men=_ranked(_KOREAN_BOYS),
        family=_ranked(_KOREAN_FAMILY, skew=1.2), girls_middle=_ranked(_KOREAN_GIRLS), boys_middle=_ranked(_KOREAN_BOYS), languages=("ko", "en"), middle=0.3, namesake=0.0,
    ),
    Origin(
        name="arabic", weight=28, girls=_ranked(_ARABIC_GIRLS), boys=_ranked(_ARABIC_BOYS), women=_ranked(_ARABIC_GIRLS), men=_ranked(_ARABIC_BOYS),
        family=_ranked(_ARABIC_FAMILY), girls_middle=_ranked(_ARABIC_BOYS), boys_middle=_ranked(_ARABIC_BOYS), languages=("ar", "ar", "en"), middle=0.6, namesake=0.02, juniors=0.2,
    ),
    Origin(
        name="indian", weight=26, girls=_ranked(_INDIAN_GIRLS), boys=_ranked(_INDIAN_BOYS), women=_ranked(_INDIAN_GIRLS), men=_ranked(_INDIAN_BOYS),
        family=_ranked(_INDIAN_FAMILY, skew=1.0), girls_middle=_ranked("Kumari Kaur Devi Rani", _first(12, _INDIAN_GIRLS)), boys_middle=_ranked("Kumar Singh Raj", _first(12, _INDIAN_BOYS)),
        languages=("en", "hi", "pa", "gu"), middle=0.5, namesake=0.0,
    ),
    Origin(
        name="caribbean", weight=20, girls=_ranked(_CARIBBEAN_GIRLS, _BLACK_GIRLS), boys=_ranked(_CARIBBEAN_BOYS, _BLACK_BOYS), women=_ranked(_CARIBBEAN_GIRLS),
        men=_ranked(_CARIBBEAN_BOYS), family=_ranked(_CARIBBEAN_FAMILY), girls_middle=_EN_F_MIDDLE, boys_middle=_EN_M_MIDDLE, languages=("ht", "en"), compound=0.03, namesake=0.08,
    ),
    Origin(
        name="slavic", weight=16, girls=_ranked(_SLAVIC_GIRLS), boys=_ranked(_SLAVIC_BOYS), women=_ranked(_SLAVIC_GIRLS), men=_ranked(_SLAVIC_BOYS),
        family=_ranked(_SLAVIC_FAMILY), girls_middle=_EN_F_MIDDLE, boys_middle=_EN_M_MIDDLE, languages=("ru", "uk", "pl", "en"), middle=0.3, namesake=0.03,
    ),
)  # fmt: skip

SECOND_GIVEN = {
    "hispanic": (
        ("María", "José", "Fernanda", "Isabel", "Paula", "Sofía", "Lucía", "Belén"),
        ("José", "Carlos", "Luis", "Ángel", "Antonio", "Manuel", "María", "David"),
    ),
    "vietnamese": (("Anh", "Linh", "Vy", "Nhi", "Trang"), ("Minh", "Khoa", "Anh", "Huy", "Long")),
    "caribbean": (("Ange", "Rose", "Claire"), ("Marc", "Paul", "Robert")),
}
"""What the second word of a compound given name is, for girls and for boys, where a community has its own; JUST_ANN otherwise."""

JUST_ANN = (("Ann", "Grace", "Kate", "Lynn", "Rose"), ("Paul", "Henry", "Luke", "Ray"))

SIMILAR_GIRLS = _pairs(
    "Emma/Emily Emily/Emely Ella/Ellie Jennifer/Jenny María/Mariana Maria/Marie Mia/Mila Layla/Lyla Kayla/Kyla Kaylee/Kylie Hailey/Bailey Aria/Ariana Ava/Eva Anna/Anne "
    "Madison/Madelyn Lily/Lilly Sofia/Sophie Isabella/Isabelle Alyssa/Alyson Taniyah/Saniyah Janiyah/Jaliyah Jayla/Kayla Zaria/Zariah Amiya/Aniya Nyla/Nylah Brianna/Brielle "
    "Gabriela/Gabriella Daniela/Daniella Julia/Juliana Lucia/Luciana Ana/Anna Valeria/Valerie Valentina/Valeria Alexa/Alexia Natalia/Natalie Kate/Katie Aubrey/Audrey "
    "Haley/Hallie Leah/Lea Sara/Sarah Kara/Cara Lana/Lena Elena/Elina Chloe/Khloe Rylee/Riley Kinsley/Kingsley Makayla/Mikayla Zara/Zoe Noor/Noora Laila/Leila"
)
SIMILAR_BOYS = _pairs(
    "Jayden/Jaylen Jaden/Jalen Aiden/Jayden Ricky/Ricardo Jaxon/Jackson Jason/Jayson Brayden/Hayden Kaden/Caden Mason/Jason Ethan/Evan Liam/Leam Noah/Noel Aaron/Adam "
    "Christian/Christopher Daniel/David Michael/Mitchell Alex/Alexander Alexis/Alex Eric/Erik Sean/Shane Brian/Ryan Dylan/Rylan Landon/Logan Cody/Corey Devin/Devon "
    "Marcus/Marquis Terrell/Tyrell Terrence/Terrance Jamal/Jamar Khalil/Khalid Omar/Omari Amir/Amari Josiah/Josias Isaac/Isaiah Elijah/Elias Luca/Lucas Luke/Luka "
    "Mateo/Matías Sebastián/Santiago Juan/Julian José/Josué Emilio/Emiliano Gael/Gabriel Luis/Lucas Cristian/Christian Bryan/Brayan Ahmed/Ahmad Hassan/Hussein Minh/Binh"
)
"""Names that parents give to twins because they are alike, and that a clerk takes for each other."""

NICKNAMES = _table(
    "Elizabeth:Liz/Beth/Lizzie/Eliza/Betsy/Ellie William:Will/Bill/Billy/Liam Robert:Rob/Bob/Bobby Michael:Mike/Mikey James:Jim/Jimmy/Jamie Joseph:Joe/Joey "
    "Benjamin:Ben/Benny Alexander:Alex/Xander/Zander Samuel:Sam/Sammy Daniel:Dan/Danny Matthew:Matt/Matty Nicholas:Nick/Nicky Christopher:Chris/Topher Anthony:Tony Thomas:Tom/Tommy "
    "Andrew:Andy/Drew Joshua:Josh Jonathan:Jon/Johnny Nathan:Nate Nathaniel:Nate/Nathan Zachary:Zach/Zack Jacob:Jake/Coby David:Dave/Davey Edward:Ed/Eddie/Ted Charles:Charlie/Chuck "
    "Theodore:Theo/Ted/Teddy Henry:Hank/Harry John:Jack/Johnny Richard:Rick/Rich/Ricky Steven:Steve Stephen:Steve Timothy:Tim/Timmy Gabriel:Gabe Patrick:Pat/Paddy Vincent:Vince/Vinny "
    "Maxwell:Max Harrison:Harry Jackson:Jack Cameron:Cam Dominic:Dom/Nick Jeremiah:Jerry/Jeremy Isaac:Ike Elijah:Eli Ezekiel:Zeke Josiah:Joe Leonardo:Leo Lincoln:Linc Gregory:Greg "
    "Kenneth:Ken/Kenny Ronald:Ron/Ronnie Donald:Don/Donnie Lawrence:Larry Raymond:Ray Peter:Pete Phillip:Phil Philip:Phil Frederick:Fred Jeffrey:Jeff Bradley:Brad Douglas:Doug "
    "Katherine:Kate/Katie/Kathy/Kat Catherine:Cathy/Kate/Cat Kathryn:Kathy/Katie Margaret:Maggie/Meg/Peggy Jennifer:Jen/Jenny Jessica:Jess/Jessie Rebecca:Becca/Becky Samantha:Sam/Sammie "
    "Alexandra:Alex/Lexi/Sandra Abigail:Abby/Gail Madeline:Maddie Madelyn:Maddie Madison:Maddie Victoria:Vicky/Tori Isabella:Bella/Izzy/Isabel Isabelle:Belle/Izzy Olivia:Liv/Livvy "
    "Charlotte:Charlie/Lottie Amelia:Amy/Millie/Mia Eleanor:Ellie/Nora/Nell Evelyn:Evie/Eve Josephine:Josie/Jo Penelope:Penny/Nell Gabriella:Gabby/Ella Gabrielle:Gabby Natalie:Nat "
    "Caroline:Carrie/Caro Allison:Allie/Ally Savannah:Anna/Vanna Emily:Em/Emmy Emma:Em/Emmy Hannah:Anna Susan:Sue/Susie Patricia:Pat/Patty/Tricia Deborah:Debbie/Deb Pamela:Pam "
    "Christina:Chris/Tina/Christy Kristina:Kris/Tina Stephanie:Steph Kimberly:Kim Melissa:Missy/Mel Melanie:Mel Amanda:Mandy Danielle:Dani Nicole:Nikki Angela:Angie Cynthia:Cindy "
    "Sandra:Sandy Teresa:Terry/Tess Theresa:Terry/Tess Valerie:Val Veronica:Ronnie/Vero Judith:Judy Barbara:Barb Elena:Ellie/Lena Lillian:Lily Liliana:Lily/Lili Brooklyn:Brook "
    "Francisco:Paco/Pancho/Frank José:Pepe Jesús:Chuy Ignacio:Nacho Guillermo:Memo/Willy Ricardo:Ricky/Rick/Richard Roberto:Beto/Rob Alberto:Beto/Al Eduardo:Eddie/Lalo Fernando:Nando/Fer "
    "Alejandro:Alex/Ale Antonio:Tony/Toño Enrique:Quique/Kike Manuel:Manny Miguel:Mike/Migue Rafael:Rafa/Ralph Luis:Lucho/Louie Juan:Juanito/John Santiago:Santi Sebastián:Sebas/Seb "
    "Maximiliano:Max Emiliano:Emi Emmanuel:Manny Leandro:Leo Daniela:Dani Gabriela:Gaby Guadalupe:Lupe/Lupita María:Mari/Mary Isabel:Isa/Chabela Fernanda:Fer Valentina:Vale/Val Alejandra:Ale/Alex "
    "Mariana:Mari Ximena:Xime Esperanza:Espe Rosario:Chayo Dolores:Lola Graciela:Chela Leticia:Lety Camila:Cami Carolina:Caro Lucía:Lucy Sofía:Sofi/Sophie Adriana:Adri Victor:Vic "
    "Mohammed:Mo/Mohamed/Muhammad Muhammad:Mo/Mohammed Abdullah:Abdul Abdulrahman:Abdul Ibrahim:Abe Yusuf:Joseph/Joe Fatima:Fati Demetrius:Meechie/Dee Terrence:Terry Dominique:Nikki Aaliyah:Liyah "
    "Serenity:Ren Makayla:Kayla Nevaeh:Vaeh DeAndre:Dre Isaiah:Zay Xavier:Zay/Xav Malachi:Mal Anastasia:Ana/Stacy Oleksandr:Sasha/Alex Dmitri:Dima Mikhail:Misha/Mike Katarina:Kat Ananya:Anu "
    "Siddharth:Sid Aditya:Adi"
)
"""Short forms by the name they stand for; some are formal names of other people (Liam, Anna, Ellie, Emmy), as in life."""

STREETS = _words(
    "Oak Maple Pine Cedar Elm Washington Lake Hill Park Walnut Spring North Ridge Church Willow Mill Sunset Railroad Jefferson Center Highland Forest Jackson River Meadow Chestnut "
    "Lincoln Madison Dogwood Hickory Magnolia Laurel Franklin Adams Cherry Spruce Birch Monroe Prospect Valley Orchard Holly Juniper Sycamore Poplar Grant Garden Vine Locust Hamilton "
    "Clay Harrison Summit Broad Fairview Canal Heron Osprey Egret Pelican Cypress Palmetto Sandpiper Tupelo Bayou Harbor Ferry Quarry Foundry Mason Chapel School College Court Market "
    "Wilson Grove Brook Creek Rosewood Ash Aspen Cottonwood Bluebird Cardinal Robin Wren Falcon Eagle Hawk Fox Deer Bear Wolf Pheasant Quail Partridge Larkspur Lilac Jasmine Rose "
    "Violet Ivy Heather Azalea Camellia Gardenia Primrose Clover Sage Thyme Mulberry Peach Plum Apple Pecan Almond Olive Lemon Orange Buckeye Stonebridge Kingsbridge Ashford Oxford "
    "Cambridge Windsor Wellington Lancaster Devonshire Hampton Carlisle Bristol Dover Salem Concord Lexington Saratoga Bunker Liberty Union Freedom Patriot Pioneer Frontier Homestead "
    "Prairie Canyon Mesa Granite Copper Silver Golden Amber Crystal Diamond Pearl Coral Shell Anchor Beacon Lighthouse Bay Ocean Gulf Marina Dune Shore Cove Inlet Lagoon Marsh"
)
STREET_KINDS = (
    ("Street", "St"), ("Avenue", "Ave"), ("Drive", "Dr"), ("Road", "Rd"), ("Lane", "Ln"), ("Court", "Ct"), ("Circle", "Cir"), ("Boulevard", "Blvd"), ("Place", "Pl"), ("Way", "Way"),
)  # fmt: skip
CITIES = (
    "Heron Landing", "Cypress Bend", "Fort Larkin", "Palmetto", "Granite Falls", "Egret Point", "Ashford", "Redbud", "Marsh Harbor", "Quail Run", "Saltwater", "Union Springs",
)  # fmt: skip
