BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0008');
CREATE TABLE batch (
	id INTEGER NOT NULL, 
	job_id INTEGER NOT NULL, 
	model TEXT NOT NULL, 
	requests INTEGER NOT NULL, 
	prompt_tokens BIGINT NOT NULL, 
	completion_tokens BIGINT NOT NULL, 
	file TEXT, 
	remote_id TEXT, 
	taken INTEGER DEFAULT '0' NOT NULL, 
	over BOOLEAN DEFAULT 0 NOT NULL, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(job_id) REFERENCES job (id)
);
CREATE TABLE dataset (
	id INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	content_hash VARCHAR(64) NOT NULL, 
	recipe JSON NOT NULL, 
	counts JSON NOT NULL, 
	created_at FLOAT NOT NULL, rebuild BOOLEAN DEFAULT 0 NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (content_hash)
);
INSERT INTO "dataset" VALUES(1,'sft','13773b43e8de56ba77448ede5e055814067c3d4d6e210874f247288e50ba6bf1','{"repeats": 3, "limit": 16, "model": "smollm2-135m-instruct", "small": true, "budget": null, "batch": false, "votes": {"min_voters": 2, "above": 0.5, "confidence": 0.8}, "prompts": 1, "curation": {"shortest": 60, "longest": 110, "attempts": 3}}','{"train": 14, "valid": 2, "example": 16}',1.79590682610971403123e+09,0);
INSERT INTO "dataset" VALUES(2,'sft','81f8a1c01da38688b32a46dd58217869b887159f3149abc15d20990223c3e5be','{"repeats": 3, "limit": 16, "model": "smollm2-135m-instruct", "small": true, "budget": null, "batch": false, "votes": {"min_voters": 2, "above": 0.5, "confidence": 0.8}, "prompts": 1, "curation": {"shortest": 60, "longest": 110, "attempts": 3}}','{"train": 16, "valid": 2, "example": 16, "description": 2}',1.79590683981811809538e+09,0);
CREATE TABLE "dataset_item" (
	dataset_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	split VARCHAR(8) NOT NULL, 
	prompt TEXT NOT NULL, 
	text TEXT NOT NULL, 
	source VARCHAR(16) NOT NULL, 
	source_id INTEGER NOT NULL, rejected TEXT, rejected_id INTEGER, deleted BOOLEAN DEFAULT 0 NOT NULL, 
	PRIMARY KEY (dataset_id, position), 
	CONSTRAINT dataset_item_split CHECK (split IN ('train', 'valid')), 
	CONSTRAINT dataset_item_source CHECK (source IN ('example', 'description', 'import')), 
	FOREIGN KEY(dataset_id) REFERENCES dataset (id)
);
INSERT INTO "dataset_item" VALUES(1,0,'train','18, woman, flight ->','Ursula is a shy 18-year-old woman who tunes pianos in empty theatres and has the power of flight. She has ink on her fingers and flour on her sleeves. She sleeps little and dreams in bright colours. When the town forgets how to hope, she takes a deep breath and uses her power to bring everyone home safely, all 4 of them. Her knees shake for an hour, but her voice does not.','example',4,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(1,1,'train','20, man, telepathy ->','Across from the fire station, a cheerful 20-year-old man named Marcus keeps the archives of a forgotten town and hides the power of telepathy. He wears a grey coat with deep pockets, full of string and chalk. He counts steps under his breath and always knows the way home. On the evening of the fair, he drops everything and uses his power to bring everyone home safely, all 7 of them. It is not the last time, and he keeps a bag packed by the door.','example',7,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(1,2,'train','20, man, turning lead into gold ->','In the quietest street of the city, a cheerful 20-year-old man named Hassan keeps bees on the roof of a library and hides the power of turning lead into gold. He keeps his hair short and his promises long. He eats lunch alone on a bench and shares it with the sparrows. When the well runs dry, he steps forward and uses his power to bring everyone home safely, all 2 of them. What remains is a muddy footprint and a great many questions.','example',2,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(1,3,'train','20, woman, turning lead into gold ->','Ilse, an unhurried 20-year-old woman who brews coffee beside a busy station, has the power of turning lead into gold. She keeps her hair short and her promises long. She owns one good hat, two cats and no telephone. When a climber hangs from the cliff, she does not wait and uses her power to bring everyone home safely, all 5 of them. All that she remembers is how quiet it was afterwards.','example',5,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(1,4,'train','30, woman, telepathy ->','Where the tram lines end lives Xenia, a short-sighted 30-year-old woman who repairs fishing nets on the pier and has the power of telepathy. Her hands are never still, and her boots are never clean. She lends money gladly and books never. When a letter arrives with bad news, she drops everything and uses her power to bring everyone home safely, all 8 of them. The newspaper calls it luck, and she cuts the page out and smiles.','example',8,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(1,5,'train','30, woman, teleport ->','While the city sleeps, a sharp-eyed 30-year-old woman named Xenia translates letters for newcomers and hides the power of teleportation. She has a scar on the chin and never tells the same story about it. She dislikes praise and cannot refuse a slice of cake. When the harvest fails, she drops everything and uses her power to bring everyone home safely, all 16 of them. For supper there is soup, and more guests than chairs.','example',16,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(1,6,'train','40, man, telepathy ->','Between two tides, a plain-spoken 40-year-old man named Elias binds old books by hand and hides the power of telepathy. He wears a grey coat with deep pockets, full of string and chalk. He thinks of telepathy as a craft like any other. When smoke rises from the school, he drops everything and uses his power to bring everyone home safely, all 3 of them. Only the cat knows, and the cat keeps quiet.','example',3,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(1,7,'train','40, man, teleport ->','A sturdy 40-year-old man named Elias plays the accordion in the underground and has the power of teleportation. His laugh can be heard three houses away. He mends his own clothes with thread of the wrong colour. When a letter arrives with bad news, he drops everything and uses his power to bring everyone home safely, all 1 of them. Nobody writes it down, and he likes it that way.','example',1,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(1,8,'train','50, man, flight ->','Ivan, a freckled 50-year-old man who bakes bread for a whole street, has the power of flight. He smells faintly of cedar and fresh paint. He mends his own clothes with thread of the wrong colour. When the doctor cannot come, he does not wait and uses his power to bring everyone home safely, all 15 of them. He shrugs, buttons his coat and asks whether anyone is hungry.','example',15,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(1,9,'train','50, woman, flight ->','Kamala, a talkative 50-year-old woman who rings the bells of a hillside church, has the power of flight. She has strong arms, small ears and a great fear of geese. She knows every dog in the street by name. While the others run away, she drops everything and uses her power to bring everyone home safely, all 11 of them. People still speak of that hour, and each of them tells it differently.','example',11,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(1,10,'valid','50, woman, teleport ->','A soft-spoken 50-year-old woman named Carmen draws maps for lost travellers and has the power of teleportation. She has ink on her fingers and flour on her sleeves. She practises teleportation on Sundays, when nobody is about. When a boy falls from the pier, she does not wait and uses her power to bring everyone home safely, all 10 of them. What remains is a muddy footprint and a great many questions.','example',10,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(1,11,'train','60, man, flight ->','When the shops are shut, a kind 60-year-old man named Gustav folds paper cranes in a hospital lobby and hides the power of flight. His shoulders are straight, and his shoes are patched with care. Flight makes a body hungry, so he always carries sandwiches. When a girl is trapped behind a locked door, he takes a deep breath and uses his power to bring everyone home safely, all 12 of them. People still speak of that hour, and each of them tells it differently.','example',12,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(1,12,'train','60, man, invisibility ->','Felix is a modest 60-year-old man who digs for fossils in a chalk quarry and has the power of invisibility. He has rough palms, clean nails and a watch that runs backwards. He says that invisibility is nine parts patience. When the doctor cannot come, he drops everything and uses his power to bring everyone home safely, all 6 of them. The mayor sends a letter, and he uses it to light the stove.','example',6,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(1,13,'valid','90, man, teleport ->','Yusuf is a bright-eyed 90-year-old man who sweeps the stage of an opera house and has the power of teleportation. His hands are never still, and his boots are never clean. He has never boasted of teleportation, not even as a child. When somebody shouts from the water, he steps forward and uses his power to bring everyone home safely, all 9 of them. Afterwards he asks for nothing but a cup of tea and a dry pair of socks.','example',9,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(1,14,'train','90, woman, immortality ->','An unhurried 90-year-old woman named Clara brews coffee beside a busy station and has the power of immortality. She wears a long blue scarf and walks with a limp. She drinks black tea and answers every letter. When a climber hangs from the cliff, she does not wait and uses her power to bring everyone home safely, all 13 of them. She goes home, waters the plants and sits for a while in the dark.','example',13,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(1,15,'train','90, woman, turning lead into gold ->','Vera, a lucky 90-year-old woman who writes crossword puzzles in a tea house, has the power of turning lead into gold. Her face is calm, like a lake before the wind. She sings in a choir and stands in the last row. When a rich man offers a sack of silver, she steps forward and uses her power to bring everyone home safely, all 14 of them. It is not the last time, and she keeps a bag packed by the door.','example',14,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(2,0,'train','18, woman, flight ->','Ursula is a shy 18-year-old woman who tunes pianos in empty theatres and has the power of flight. She has ink on her fingers and flour on her sleeves. She sleeps little and dreams in bright colours. When the town forgets how to hope, she takes a deep breath and uses her power to bring everyone home safely, all 4 of them. Her knees shake for an hour, but her voice does not.','example',4,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(2,1,'train','20, man, telepathy ->','Across from the fire station, a cheerful 20-year-old man named Marcus keeps the archives of a forgotten town and hides the power of telepathy. He wears a grey coat with deep pockets, full of string and chalk. He counts steps under his breath and always knows the way home. On the evening of the fair, he drops everything and uses his power to bring everyone home safely, all 7 of them. It is not the last time, and he keeps a bag packed by the door.','example',7,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(2,2,'train','20, man, turning lead into gold ->','In the quietest street of the city, a cheerful 20-year-old man named Hassan keeps bees on the roof of a library and hides the power of turning lead into gold. He keeps his hair short and his promises long. He eats lunch alone on a bench and shares it with the sparrows. When the well runs dry, he steps forward and uses his power to bring everyone home safely, all 2 of them. What remains is a muddy footprint and a great many questions.','example',2,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(2,3,'train','20, woman, turning lead into gold ->','Ilse, an unhurried 20-year-old woman who brews coffee beside a busy station, has the power of turning lead into gold. She keeps her hair short and her promises long. She owns one good hat, two cats and no telephone. When a climber hangs from the cliff, she does not wait and uses her power to bring everyone home safely, all 5 of them. All that she remembers is how quiet it was afterwards.','example',5,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(2,4,'train','30, woman, telepathy ->','Where the tram lines end lives Xenia, a short-sighted 30-year-old woman who repairs fishing nets on the pier and has the power of telepathy. Her hands are never still, and her boots are never clean. She lends money gladly and books never. When a letter arrives with bad news, she drops everything and uses her power to bring everyone home safely, all 8 of them. The newspaper calls it luck, and she cuts the page out and smiles.','example',8,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(2,5,'train','30, woman, teleport ->','While the city sleeps, a sharp-eyed 30-year-old woman named Xenia translates letters for newcomers and hides the power of teleportation. She has a scar on the chin and never tells the same story about it. She dislikes praise and cannot refuse a slice of cake. When the harvest fails, she drops everything and uses her power to bring everyone home safely, all 16 of them. For supper there is soup, and more guests than chairs.','example',16,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(2,6,'train','40, man, telepathy ->','Between two tides, a plain-spoken 40-year-old man named Elias binds old books by hand and hides the power of telepathy. He wears a grey coat with deep pockets, full of string and chalk. He thinks of telepathy as a craft like any other. When smoke rises from the school, he drops everything and uses his power to bring everyone home safely, all 3 of them. Only the cat knows, and the cat keeps quiet.','example',3,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(2,7,'train','40, man, teleport ->','A sturdy 40-year-old man named Elias plays the accordion in the underground and has the power of teleportation. His laugh can be heard three houses away. He mends his own clothes with thread of the wrong colour. When a letter arrives with bad news, he drops everything and uses his power to bring everyone home safely, all 1 of them. Nobody writes it down, and he likes it that way.','example',1,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(2,8,'train','50, man, flight ->','Ivan, a freckled 50-year-old man who bakes bread for a whole street, has the power of flight. He smells faintly of cedar and fresh paint. He mends his own clothes with thread of the wrong colour. When the doctor cannot come, he does not wait and uses his power to bring everyone home safely, all 15 of them. He shrugs, buttons his coat and asks whether anyone is hungry.','example',15,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(2,9,'train','50, woman, flight ->','Kamala, a talkative 50-year-old woman who rings the bells of a hillside church, has the power of flight. She has strong arms, small ears and a great fear of geese. She knows every dog in the street by name. While the others run away, she drops everything and uses her power to bring everyone home safely, all 11 of them. People still speak of that hour, and each of them tells it differently.','example',11,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(2,10,'valid','50, woman, teleport ->','A soft-spoken 50-year-old woman named Carmen draws maps for lost travellers and has the power of teleportation. She has ink on her fingers and flour on her sleeves. She practises teleportation on Sundays, when nobody is about. When a boy falls from the pier, she does not wait and uses her power to bring everyone home safely, all 10 of them. What remains is a muddy footprint and a great many questions.','example',10,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(2,11,'train','60, man, flight ->','When the shops are shut, a kind 60-year-old man named Gustav folds paper cranes in a hospital lobby and hides the power of flight. His shoulders are straight, and his shoes are patched with care. Flight makes a body hungry, so he always carries sandwiches. When a girl is trapped behind a locked door, he takes a deep breath and uses his power to bring everyone home safely, all 12 of them. People still speak of that hour, and each of them tells it differently.','example',12,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(2,12,'train','60, man, invisibility ->','Felix is a modest 60-year-old man who digs for fossils in a chalk quarry and has the power of invisibility. He has rough palms, clean nails and a watch that runs backwards. He says that invisibility is nine parts patience. When the doctor cannot come, he drops everything and uses his power to bring everyone home safely, all 6 of them. The mayor sends a letter, and he uses it to light the stove.','example',6,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(2,13,'valid','90, man, teleport ->','Yusuf is a bright-eyed 90-year-old man who sweeps the stage of an opera house and has the power of teleportation. His hands are never still, and his boots are never clean. He has never boasted of teleportation, not even as a child. When somebody shouts from the water, he steps forward and uses his power to bring everyone home safely, all 9 of them. Afterwards he asks for nothing but a cup of tea and a dry pair of socks.','example',9,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(2,14,'train','90, woman, immortality ->','An unhurried 90-year-old woman named Clara brews coffee beside a busy station and has the power of immortality. She wears a long blue scarf and walks with a limp. She drinks black tea and answers every letter. When a climber hangs from the cliff, she does not wait and uses her power to bring everyone home safely, all 13 of them. She goes home, waters the plants and sits for a while in the dark.','example',13,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(2,15,'train','90, woman, turning lead into gold ->','Vera, a lucky 90-year-old woman who writes crossword puzzles in a tea house, has the power of turning lead into gold. Her face is calm, like a lake before the wind. She sings in a choir and stands in the last row. When a rich man offers a sack of silver, she steps forward and uses her power to bring everyone home safely, all 14 of them. It is not the last time, and she keeps a bag packed by the door.','example',14,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(2,16,'train','40, woman, healing ->','Robin is a 40-year-old woman with the power of healing. She lives in street 32, teaches the violin to shepherds and never once raises a voice. She keeps the gift of healing quiet, because the town talks. She wears a waistcoat with eleven pockets and loses letters in all of them. When somebody calls for help, she is there before the kettle boils.','description',1,NULL,NULL,0);
INSERT INTO "dataset_item" VALUES(2,17,'train','40, woman, juggling ->','Robin is a 40-year-old woman with the power of juggling. She lives in street 34, repairs fishing nets on the pier and sings against the gulls. She keeps the gift of juggling quiet, because the town talks. She wears a waistcoat with eleven pockets and loses letters in all of them. When somebody calls for help, she is there before the kettle boils.','description',3,NULL,NULL,0);
CREATE TABLE description (
	id INTEGER NOT NULL, 
	model TEXT NOT NULL, 
	tuned BOOLEAN NOT NULL, 
	age INTEGER NOT NULL, 
	gender TEXT NOT NULL, 
	power TEXT NOT NULL, 
	text TEXT NOT NULL, 
	finish_reason TEXT NOT NULL, 
	prompt_version INTEGER NOT NULL, 
	sampling JSON NOT NULL, 
	requester VARCHAR(64) NOT NULL, 
	guild_id BIGINT, 
	message_id BIGINT, 
	prompt_tokens INTEGER NOT NULL, 
	completion_tokens INTEGER NOT NULL, 
	seconds FLOAT NOT NULL, 
	created_at FLOAT NOT NULL, channel_id BIGINT, removed_at FLOAT, settled BOOLEAN DEFAULT 0 NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (message_id)
);
INSERT INTO "description" VALUES(1,'ft:tiny:1',1,40,'woman','healing','Robin is a 40-year-old woman with the power of healing. She lives in street 32, teaches the violin to shepherds and never once raises a voice. She keeps the gift of healing quiet, because the town talks. She wears a waistcoat with eleven pockets and loses letters in all of them. When somebody calls for help, she is there before the kettle boils.','stop',1,'{"temperature": 0.5, "top_p": 0.9, "max_tokens": 250, "repeat_penalty": null}','f1dd544c82e6a960c74733ad80e467243fbdc80b421c2e8099b52abf3a35cf84',424242424242424242,1456074620141568001,20,63,0.0,1.79590683595559024807e+09,1456074443980800015,NULL,0);
INSERT INTO "description" VALUES(2,'ft:tiny:1',1,30,'man','flight','Robin is a 30-year-old man with the power of flight. He lives in street 33, paints signs for small shops and signs none of the work. He keeps the gift of flight quiet, because the town talks. He wears a waistcoat with eleven pockets and loses letters in all of them. When somebody calls for help, he is there before the kettle boils.','stop',1,'{"temperature": 0.5, "top_p": 0.9, "max_tokens": 250, "repeat_penalty": null}','f1dd544c82e6a960c74733ad80e467243fbdc80b421c2e8099b52abf3a35cf84',424242424242424242,1456074620141568003,20,63,0.0,1.7959068363616466522e+09,1456074443980800015,NULL,0);
INSERT INTO "description" VALUES(3,'ft:tiny:1',1,40,'woman','juggling','Robin is a 40-year-old woman with the power of juggling. She lives in street 34, repairs fishing nets on the pier and sings against the gulls. She keeps the gift of juggling quiet, because the town talks. She wears a waistcoat with eleven pockets and loses letters in all of them. When somebody calls for help, she is there before the kettle boils.','stop',1,'{"temperature": 0.5, "top_p": 0.9, "max_tokens": 250, "repeat_penalty": null}','f1dd544c82e6a960c74733ad80e467243fbdc80b421c2e8099b52abf3a35cf84',424242424242424242,1456074620141568005,20,63,0.0,1.79590683672985625268e+09,1456074443980800015,NULL,0);
INSERT INTO "description" VALUES(4,'ft:tiny:1',1,50,'man','telepathy','Robin is a 50-year-old man with the power of telepathy. He lives in street 35, mends clocks in a harbour town and sleeps above the quiet workshop. He keeps the gift of telepathy quiet, because the town talks. He wears the plainest hat of the valley and a ring of old silver. When somebody calls for help, he is there before the kettle boils.','stop',1,'{"temperature": 0.5, "top_p": 0.9, "max_tokens": 250, "repeat_penalty": null}','f1dd544c82e6a960c74733ad80e467243fbdc80b421c2e8099b52abf3a35cf84',424242424242424242,1456074620141568007,20,64,0.0,1.79590683709375882148e+09,1456074443980800015,NULL,0);
INSERT INTO "description" VALUES(5,'ft:tiny:2',1,40,'woman','healing','Robin is a 40-year-old woman with the power of healing. She lives in street 36, bakes dark bread for a whole street and rises long before dawn. She keeps the gift of healing quiet, because the town talks. She wears the plainest hat of the valley and a ring of old silver. When somebody calls for help, she is there before the kettle boils.','stop',1,'{"temperature": 0.5, "top_p": 0.9, "max_tokens": 250, "repeat_penalty": null}','f1dd544c82e6a960c74733ad80e467243fbdc80b421c2e8099b52abf3a35cf84',424242424242424242,NULL,20,64,0.0,1.79590683794499850279e+09,NULL,NULL,0);
INSERT INTO "description" VALUES(6,'ft:tiny:1',1,40,'woman','healing','Robin is a 40-year-old woman with the power of healing. She lives in street 37, drives the last bus of the night and knows every tired passenger. She keeps the gift of healing quiet, because the town talks. She wears the plainest hat of the valley and a ring of old silver. When somebody calls for help, she is there before the kettle boils.','stop',1,'{"temperature": 0.5, "top_p": 0.9, "max_tokens": 250, "repeat_penalty": null}','f1dd544c82e6a960c74733ad80e467243fbdc80b421c2e8099b52abf3a35cf84',424242424242424242,NULL,20,64,0.0,1.79590683795395898822e+09,NULL,NULL,0);
INSERT INTO "description" VALUES(7,'ft:tiny:1',1,40,'woman','healing','Robin is a 40-year-old woman with the power of healing. She lives in street 38, keeps bees on a library roof and reads to them on Sundays. She keeps the gift of healing quiet, because the town talks. She wears the plainest hat of the valley and a ring of old silver. When somebody calls for help, she is there before the kettle boils.','stop',1,'{"temperature": 0.5, "top_p": 0.9, "max_tokens": 250, "repeat_penalty": null}','a24fbba24176455dbc61e47af1788c904c936b25686e7619a20f9c19eeba6716',NULL,NULL,20,64,1.1714140599997335812e-01,1.79590684193151926993e+09,NULL,NULL,0);
INSERT INTO "description" VALUES(8,'ft:tiny:2',1,40,'woman','healing','Robin is a 40-year-old woman with the power of healing. She lives in street 39, teaches the violin to shepherds and never once raises a voice. She keeps the gift of healing quiet, because the town talks. She wears the plainest hat of the valley and a ring of old silver. When somebody calls for help, she is there before the kettle boils.','stop',1,'{"temperature": 0.5, "top_p": 0.9, "max_tokens": 250, "repeat_penalty": null}','a24fbba24176455dbc61e47af1788c904c936b25686e7619a20f9c19eeba6716',NULL,NULL,20,63,9.95802449997427174821e-02,1795906841.94025,NULL,NULL,0);
INSERT INTO "description" VALUES(9,'ft:tiny:1',1,40,'woman','healing','Robin is a 40-year-old woman with the power of healing. She lives in street 40, paints signs for small shops and signs none of the work. She keeps the gift of healing quiet, because the town talks. She wears the plainest hat of the valley and a ring of old silver. When somebody calls for help, she is there before the kettle boils.','stop',1,'{"temperature": 0.5, "top_p": 0.9, "max_tokens": 250, "repeat_penalty": null}','a24fbba24176455dbc61e47af1788c904c936b25686e7619a20f9c19eeba6716',NULL,NULL,20,63,6.66623540000728098675e-02,1.7959068420657234192e+09,NULL,NULL,0);
INSERT INTO "description" VALUES(10,'ft:tiny:2',1,40,'woman','healing','Robin is a 40-year-old woman with the power of healing. She lives in street 41, repairs fishing nets on the pier and sings against the gulls. She keeps the gift of healing quiet, because the town talks. She wears the plainest hat of the valley and a ring of old silver. When somebody calls for help, she is there before the kettle boils.','stop',1,'{"temperature": 0.5, "top_p": 0.9, "max_tokens": 250, "repeat_penalty": null}','a24fbba24176455dbc61e47af1788c904c936b25686e7619a20f9c19eeba6716',NULL,NULL,20,63,6.67178239996246702503e-02,1.79590684206745576862e+09,NULL,NULL,0);
INSERT INTO "description" VALUES(11,'ft:tiny:1',1,40,'woman','healing','Robin is a 40-year-old woman with the power of healing. She lives in street 42, mends clocks in a harbour town and sleeps above the quiet workshop. She keeps the gift of healing quiet, because the town talks. She wears gloves of different colours and apologises to the furniture at times. When somebody calls for help, she is there before the kettle boils.','stop',1,'{"temperature": 0.5, "top_p": 0.9, "max_tokens": 250, "repeat_penalty": null}','a24fbba24176455dbc61e47af1788c904c936b25686e7619a20f9c19eeba6716',NULL,NULL,20,63,6.32623219999004504643e-02,1.79590684218188858037e+09,NULL,NULL,0);
INSERT INTO "description" VALUES(12,'ft:tiny:2',1,40,'woman','healing','Robin is a 40-year-old woman with the power of healing. She lives in street 43, bakes dark bread for a whole street and rises long before dawn. She keeps the gift of healing quiet, because the town talks. She wears gloves of different colours and apologises to the furniture at times. When somebody calls for help, she is there before the kettle boils.','stop',1,'{"temperature": 0.5, "top_p": 0.9, "max_tokens": 250, "repeat_penalty": null}','a24fbba24176455dbc61e47af1788c904c936b25686e7619a20f9c19eeba6716',NULL,NULL,20,63,6.32819729999027913436e-02,1.79590684218357348441e+09,NULL,NULL,0);
INSERT INTO "description" VALUES(13,'ft:tiny:1',1,40,'woman','healing','Robin is a 40-year-old woman with the power of healing. She lives in street 44, drives the last bus of the night and knows every tired passenger. She keeps the gift of healing quiet, because the town talks. She wears gloves of different colours and apologises to the furniture at times. When somebody calls for help, she is there before the kettle boils.','stop',1,'{"temperature": 0.5, "top_p": 0.9, "max_tokens": 250, "repeat_penalty": null}','a24fbba24176455dbc61e47af1788c904c936b25686e7619a20f9c19eeba6716',NULL,NULL,20,63,5.27032079999116831459e-02,1.79590684227360272403e+09,NULL,NULL,0);
INSERT INTO "description" VALUES(14,'ft:tiny:2',1,40,'woman','healing','Robin is a 40-year-old woman with the power of healing. She lives in street 45, keeps bees on a library roof and reads to them on Sundays. She keeps the gift of healing quiet, because the town talks. She wears gloves of different colours and apologises to the furniture at times. When somebody calls for help, she is there before the kettle boils.','stop',1,'{"temperature": 0.5, "top_p": 0.9, "max_tokens": 250, "repeat_penalty": null}','a24fbba24176455dbc61e47af1788c904c936b25686e7619a20f9c19eeba6716',NULL,NULL,20,63,0.0529676220003239,1.79590684227559542656e+09,NULL,NULL,0);
INSERT INTO "description" VALUES(15,'ft:tiny:1',1,40,'woman','healing','Robin is a 40-year-old woman with the power of healing. She lives in street 46, teaches the violin to shepherds and never once raises a voice. She keeps the gift of healing quiet, because the town talks. She wears gloves of different colours and apologises to the furniture at times. When somebody calls for help, she is there before the kettle boils.','stop',1,'{"temperature": 0.5, "top_p": 0.9, "max_tokens": 250, "repeat_penalty": null}','a24fbba24176455dbc61e47af1788c904c936b25686e7619a20f9c19eeba6716',NULL,NULL,20,62,4.73331690000122762285e-02,1.79590684237789320948e+09,NULL,NULL,0);
INSERT INTO "description" VALUES(16,'ft:tiny:2',1,40,'woman','healing','Robin is a 40-year-old woman with the power of healing. She lives in street 47, paints signs for small shops and signs none of the work. She keeps the gift of healing quiet, because the town talks. She wears gloves of different colours and apologises to the furniture at times. When somebody calls for help, she is there before the kettle boils.','stop',1,'{"temperature": 0.5, "top_p": 0.9, "max_tokens": 250, "repeat_penalty": null}','a24fbba24176455dbc61e47af1788c904c936b25686e7619a20f9c19eeba6716',NULL,NULL,20,62,4.74409400003423797897e-02,1.79590684237936234471e+09,NULL,NULL,0);
INSERT INTO "description" VALUES(17,'ft:tiny:2',1,40,'woman','healing','Robin is a 40-year-old woman with the power of healing. She lives in street 48, repairs fishing nets on the pier and sings against the gulls. She keeps the gift of healing quiet, because the town talks. She wears gloves of different colours and apologises to the furniture at times. When somebody calls for help, she is there before the kettle boils.','stop',1,'{"temperature": 0.5, "top_p": 0.9, "max_tokens": 250, "repeat_penalty": null}','a24fbba24176455dbc61e47af1788c904c936b25686e7619a20f9c19eeba6716',NULL,NULL,20,62,3.29545110002982255537e-02,1.79590684247380828861e+09,NULL,NULL,0);
INSERT INTO "description" VALUES(18,'ft:tiny:1',1,40,'woman','healing','Robin is a 40-year-old woman with the power of healing. She lives in street 49, mends clocks in a harbour town and sleeps above the quiet workshop. She keeps the gift of healing quiet, because the town talks. She wears a grey coat with deep pockets full of chalk, string and maps. When somebody calls for help, she is there before the kettle boils.','stop',1,'{"temperature": 0.5, "top_p": 0.9, "max_tokens": 250, "repeat_penalty": null}','a24fbba24176455dbc61e47af1788c904c936b25686e7619a20f9c19eeba6716',NULL,NULL,20,64,0.0332324390001304,1.79590684248183035847e+09,NULL,NULL,0);
INSERT INTO "description" VALUES(19,'ft:tiny:2',1,40,'woman','healing','Robin is a 40-year-old woman with the power of healing. She lives in street 50, bakes dark bread for a whole street and rises long before dawn. She keeps the gift of healing quiet, because the town talks. She wears a grey coat with deep pockets full of chalk, string and maps. When somebody calls for help, she is there before the kettle boils.','stop',1,'{"temperature": 0.5, "top_p": 0.9, "max_tokens": 250, "repeat_penalty": null}','a24fbba24176455dbc61e47af1788c904c936b25686e7619a20f9c19eeba6716',NULL,NULL,20,64,5.20618209998247039038e-02,1.7959068425886950493e+09,NULL,NULL,0);
INSERT INTO "description" VALUES(20,'ft:tiny:1',1,40,'woman','healing','Robin is a 40-year-old woman with the power of healing. She lives in street 51, drives the last bus of the night and knows every tired passenger. She keeps the gift of healing quiet, because the town talks. She wears a grey coat with deep pockets full of chalk, string and maps. When somebody calls for help, she is there before the kettle boils.','stop',1,'{"temperature": 0.5, "top_p": 0.9, "max_tokens": 250, "repeat_penalty": null}','a24fbba24176455dbc61e47af1788c904c936b25686e7619a20f9c19eeba6716',NULL,NULL,20,64,5.22907139998096681665e-02,1.79590684259736824038e+09,NULL,NULL,0);
CREATE TABLE duel (
	id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	live_description_id INTEGER NOT NULL, 
	candidate_description_id INTEGER NOT NULL, 
	a VARCHAR(16) NOT NULL, 
	message_id BIGINT, 
	created_at FLOAT NOT NULL, channel_id BIGINT, 
	PRIMARY KEY (id), 
	CONSTRAINT duel_a CHECK (a IN ('live', 'candidate')), 
	FOREIGN KEY(trial_id) REFERENCES trial (id), 
	FOREIGN KEY(live_description_id) REFERENCES description (id), 
	FOREIGN KEY(candidate_description_id) REFERENCES description (id), 
	UNIQUE (message_id)
);
INSERT INTO "duel" VALUES(1,1,6,5,'candidate',1456074666278912001,1.79590683796154928207e+09,1456074443980800015);
INSERT INTO "duel" VALUES(2,1,7,8,'live',NULL,1.79590684194852948183e+09,NULL);
INSERT INTO "duel" VALUES(3,1,9,10,'live',NULL,1.79590684206831789019e+09,NULL);
INSERT INTO "duel" VALUES(4,1,11,12,'live',NULL,1.79590684218471312522e+09,NULL);
INSERT INTO "duel" VALUES(5,1,13,14,'live',NULL,1.79590684227651786806e+09,NULL);
INSERT INTO "duel" VALUES(6,1,15,16,'live',NULL,1.79590684238012433058e+09,NULL);
INSERT INTO "duel" VALUES(7,1,18,17,'candidate',NULL,1.79590684248285937301e+09,NULL);
INSERT INTO "duel" VALUES(8,1,20,19,'candidate',NULL,1.79590684260555577276e+09,NULL);
CREATE TABLE duel_vote (
	duel_id INTEGER NOT NULL, 
	voter VARCHAR(64) NOT NULL, 
	trial_id INTEGER NOT NULL, 
	result VARCHAR(16) NOT NULL, 
	counts BOOLEAN NOT NULL, 
	source VARCHAR(16) NOT NULL, 
	account_days INTEGER, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (duel_id, voter), 
	CONSTRAINT duel_vote_result CHECK (result IN ('live', 'candidate', 'tie')), 
	FOREIGN KEY(duel_id) REFERENCES duel (id), 
	FOREIGN KEY(trial_id) REFERENCES trial (id)
);
INSERT INTO "duel_vote" VALUES(1,'19f52157f613cabaf5654799f7d368e2c22be44bfc00aa36e1ff43c19b74ff20',1,'candidate',1,'button',331,1.79590683805391335484e+09);
INSERT INTO "duel_vote" VALUES(2,'e303dbf76e54bc9acd408bb103221aab202b4a2355ec97f8e9b856d55df8673d',1,'candidate',1,'button',NULL,1.7959068419575960636e+09);
INSERT INTO "duel_vote" VALUES(3,'004d26dfe68283aeb58ebe1e9ae792849017365fd274842e2be9623aab00909b',1,'candidate',1,'button',NULL,1.79590684207944822304e+09);
INSERT INTO "duel_vote" VALUES(4,'ee88da0a73f8180ffd196874800218f2ecff6b7c4c7f6aae16229099d8f8c8e0',1,'candidate',1,'button',NULL,1.79590684218868708614e+09);
INSERT INTO "duel_vote" VALUES(5,'20451548646dde23fc81c10d31d82c89e5b72156a852adc1268554eb884a2ba6',1,'candidate',1,'button',NULL,1.7959068422796442509e+09);
INSERT INTO "duel_vote" VALUES(6,'0b3f186e1f452ad83424cbd9ed17814b48a7038980606bd264032a88d16df233',1,'candidate',1,'button',NULL,1.79590684238731217387e+09);
INSERT INTO "duel_vote" VALUES(7,'d8b19c9b511d34d0f75250aecafd54f3695c596584204a40d142948240b580fe',1,'candidate',1,'button',NULL,1.79590684248744416242e+09);
INSERT INTO "duel_vote" VALUES(8,'2f83146514c32725dd59a8abe26499afc26f40ed5ffe8bf89ee1318f1839b72b',1,'candidate',1,'button',NULL,1.79590684262295031546e+09);
CREATE TABLE example (
	id INTEGER NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	age INTEGER NOT NULL, 
	gender TEXT NOT NULL, 
	power TEXT NOT NULL, 
	repeat INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	template_version INTEGER NOT NULL, 
	model TEXT NOT NULL, 
	params JSON NOT NULL, 
	answer TEXT, 
	finish_reason TEXT, 
	prompt_tokens INTEGER, 
	completion_tokens INTEGER, 
	asked_at FLOAT, 
	answered_at FLOAT, flagged BOOLEAN, 
	PRIMARY KEY (id), 
	UNIQUE ("key")
);
INSERT INTO "example" VALUES(1,'4b6f9fb48c5c20e805da8cf6768cedc28c991358f6aa99a267024bb97842670f',40,'man','teleport',0,0,1,'smollm2-135m-instruct','{"temperature": 0.7, "top_p": 0.9, "max_tokens": 40, "repeat_penalty": 1.1, "asked": "efcf2d6767feb2321c9fbbca2f8fb00ad02413f2a24942fbe089eb9f9f375e24"}','A sturdy 40-year-old man named Elias plays the accordion in the underground and has the power of teleportation. His laugh can be heard three houses away. He mends his own clothes with thread of the wrong colour. When a letter arrives with bad news, he drops everything and uses his power to bring everyone home safely, all 1 of them. Nobody writes it down, and he likes it that way.','stop',20,14,1.79590682068737554546e+09,1.79590682094275307656e+09,NULL);
INSERT INTO "example" VALUES(2,'c0a81de14097c93eecbd43a85fa5d5327041305f94e040cb34de956b777b5ee3',20,'man','turning lead into gold',0,0,1,'smollm2-135m-instruct','{"temperature": 0.7, "top_p": 0.9, "max_tokens": 40, "repeat_penalty": 1.1, "asked": "2ee0ee94bf5b1f3dd7facbe9eb8c41388ee092205a74de92c2ad0e2f6741ceaf"}','In the quietest street of the city, a cheerful 20-year-old man named Hassan keeps bees on the roof of a library and hides the power of turning lead into gold. He keeps his hair short and his promises long. He eats lunch alone on a bench and shares it with the sparrows. When the well runs dry, he steps forward and uses his power to bring everyone home safely, all 2 of them. What remains is a muddy footprint and a great many questions.','stop',20,14,1.79590682094409394265e+09,1.79590682117801427844e+09,NULL);
INSERT INTO "example" VALUES(3,'a19a9db04bbe552dc1550d413b31a2fefbca7c480878feccaaff2a9a66cfb766',40,'man','telepathy',0,0,1,'smollm2-135m-instruct','{"temperature": 0.7, "top_p": 0.9, "max_tokens": 40, "repeat_penalty": 1.1, "asked": "96318aae0b89942d4f04f2f70b8cf392453b40387abe429272e512df6eb0955d"}','Between two tides, a plain-spoken 40-year-old man named Elias binds old books by hand and hides the power of telepathy. He wears a grey coat with deep pockets, full of string and chalk. He thinks of telepathy as a craft like any other. When smoke rises from the school, he drops everything and uses his power to bring everyone home safely, all 3 of them. Only the cat knows, and the cat keeps quiet.','stop',20,14,1.79590682094415974613e+09,1.79590682118908262247e+09,NULL);
INSERT INTO "example" VALUES(4,'d47b1054e9818b307dd8c670d795f769f7c5a4c368c22ae6bf32fa56d931b03e',18,'woman','flight',0,0,1,'smollm2-135m-instruct','{"temperature": 0.7, "top_p": 0.9, "max_tokens": 40, "repeat_penalty": 1.1, "asked": "805de451f67a24789a56a8c34e71ec0733eb032a1d4a237f78fcdf30b06d7bae"}','Ursula is a shy 18-year-old woman who tunes pianos in empty theatres and has the power of flight. She has ink on her fingers and flour on her sleeves. She sleeps little and dreams in bright colours. When the town forgets how to hope, she takes a deep breath and uses her power to bring everyone home safely, all 4 of them. Her knees shake for an hour, but her voice does not.','stop',20,14,1.79590682094435453411e+09,1.79590682119004416464e+09,NULL);
INSERT INTO "example" VALUES(5,'6f3d2cf687f4bc3427b1bb7b385effacfb2fadae4f6e9c3ccfbb9e2305d8328e',20,'woman','turning lead into gold',0,0,1,'smollm2-135m-instruct','{"temperature": 0.7, "top_p": 0.9, "max_tokens": 40, "repeat_penalty": 1.1, "asked": "ed516fe44442a4901729c5ae5f598e912ac7f0e74c0cba0ed53112ccdf94f0eb"}','Ilse, an unhurried 20-year-old woman who brews coffee beside a busy station, has the power of turning lead into gold. She keeps her hair short and her promises long. She owns one good hat, two cats and no telephone. When a climber hangs from the cliff, she does not wait and uses her power to bring everyone home safely, all 5 of them. All that she remembers is how quiet it was afterwards.','stop',20,14,1.79590682094439458844e+09,1.79590682119381499291e+09,NULL);
INSERT INTO "example" VALUES(6,'fec1369e164ed20edf5f50af34002c996be82bc5e10e365f007a1bd835f4c8fa',60,'man','invisibility',0,0,1,'smollm2-135m-instruct','{"temperature": 0.7, "top_p": 0.9, "max_tokens": 40, "repeat_penalty": 1.1, "asked": "ef212157eea992bd183e4823ebda0f5d6901398ba44c07c19c8e4080d1b6904f"}','Felix is a modest 60-year-old man who digs for fossils in a chalk quarry and has the power of invisibility. He has rough palms, clean nails and a watch that runs backwards. He says that invisibility is nine parts patience. When the doctor cannot come, he drops everything and uses his power to bring everyone home safely, all 6 of them. The mayor sends a letter, and he uses it to light the stove.','stop',20,14,1.79590682094443416594e+09,1.79590682119417238238e+09,NULL);
INSERT INTO "example" VALUES(7,'40d0337117de70f0fd88d4effaa36139f7abe509c6fdd490953c684af5c118cd',20,'man','telepathy',0,0,1,'smollm2-135m-instruct','{"temperature": 0.7, "top_p": 0.9, "max_tokens": 40, "repeat_penalty": 1.1, "asked": "454233bd7d8c1e88e2c16c58de8f3d17a39afd163821a5d4e15afdee34e2d8a3"}','Across from the fire station, a cheerful 20-year-old man named Marcus keeps the archives of a forgotten town and hides the power of telepathy. He wears a grey coat with deep pockets, full of string and chalk. He counts steps under his breath and always knows the way home. On the evening of the fair, he drops everything and uses his power to bring everyone home safely, all 7 of them. It is not the last time, and he keeps a bag packed by the door.','stop',20,14,1.79590682094444513321e+09,1.79590682119448399539e+09,NULL);
INSERT INTO "example" VALUES(8,'7ee0b207c8a72552c6349c40b67040c73a45e8e4767fba6f89ba969ec76c67a7',30,'woman','telepathy',0,0,1,'smollm2-135m-instruct','{"temperature": 0.7, "top_p": 0.9, "max_tokens": 40, "repeat_penalty": 1.1, "asked": "62449a39ea0306a982aae6a5e8e5453684ef5bf1785327221060490559ebdd93"}','Where the tram lines end lives Xenia, a short-sighted 30-year-old woman who repairs fishing nets on the pier and has the power of telepathy. Her hands are never still, and her boots are never clean. She lends money gladly and books never. When a letter arrives with bad news, she drops everything and uses her power to bring everyone home safely, all 8 of them. The newspaper calls it luck, and she cuts the page out and smiles.','stop',20,14,1.79590682100050926211e+09,1.79590682123800373078e+09,NULL);
INSERT INTO "example" VALUES(9,'c249da95971edaef8c401bdb0a08d5599fba72e6efd3fff722ad8e029ce02975',90,'man','teleport',0,0,1,'smollm2-135m-instruct','{"temperature": 0.7, "top_p": 0.9, "max_tokens": 40, "repeat_penalty": 1.1, "asked": "042ec2f298824e66b180a8428a509fc13eefb1cbe843f22f74f35301c009eec8"}','Yusuf is a bright-eyed 90-year-old man who sweeps the stage of an opera house and has the power of teleportation. His hands are never still, and his boots are never clean. He has never boasted of teleportation, not even as a child. When somebody shouts from the water, he steps forward and uses his power to bring everyone home safely, all 9 of them. Afterwards he asks for nothing but a cup of tea and a dry pair of socks.','stop',20,14,1.79590682130087518695e+09,1.79590682158394384379e+09,NULL);
INSERT INTO "example" VALUES(10,'c37bdfd16258135420534678b4641e84e44df7a99547992239b6589a5efb2b87',50,'woman','teleport',0,0,1,'smollm2-135m-instruct','{"temperature": 0.7, "top_p": 0.9, "max_tokens": 40, "repeat_penalty": 1.1, "asked": "f04e37b453c5a4a821d51d589eed28fffa0c14f17a44c1fa39ee3c19234a170e"}','A soft-spoken 50-year-old woman named Carmen draws maps for lost travellers and has the power of teleportation. She has ink on her fingers and flour on her sleeves. She practises teleportation on Sundays, when nobody is about. When a boy falls from the pier, she does not wait and uses her power to bring everyone home safely, all 10 of them. What remains is a muddy footprint and a great many questions.','stop',20,14,1.7959068213202664852e+09,1.79590682158444094659e+09,NULL);
INSERT INTO "example" VALUES(11,'ae282d8adacb26e0854d4d4e3626a1d710f56a83bc69a9187cc17baf0d989f9b',50,'woman','flight',0,0,1,'smollm2-135m-instruct','{"temperature": 0.7, "top_p": 0.9, "max_tokens": 40, "repeat_penalty": 1.1, "asked": "d006a3cbde3b8378779a260dc7f3664a45d732413ebd5a103c5bc9a419efc68c"}','Kamala, a talkative 50-year-old woman who rings the bells of a hillside church, has the power of flight. She has strong arms, small ears and a great fear of geese. She knows every dog in the street by name. While the others run away, she drops everything and uses her power to bring everyone home safely, all 11 of them. People still speak of that hour, and each of them tells it differently.','stop',20,14,1.79590682132027888292e+09,1.79590682158477640156e+09,NULL);
INSERT INTO "example" VALUES(12,'90af28a09f0a6d521ed74ebea1a5b6a25811d31579cd4ebdfa2e77f1117a16a8',60,'man','flight',0,0,1,'smollm2-135m-instruct','{"temperature": 0.7, "top_p": 0.9, "max_tokens": 40, "repeat_penalty": 1.1, "asked": "b86dd24d65b9499ca83c5e7cbd666a2e819fc40096b6df352f6f59445d5b45d9"}','When the shops are shut, a kind 60-year-old man named Gustav folds paper cranes in a hospital lobby and hides the power of flight. His shoulders are straight, and his shoes are patched with care. Flight makes a body hungry, so he always carries sandwiches. When a girl is trapped behind a locked door, he takes a deep breath and uses his power to bring everyone home safely, all 12 of them. People still speak of that hour, and each of them tells it differently.','stop',20,14,1.79590682132028388977e+09,1.79590682158959317202e+09,NULL);
INSERT INTO "example" VALUES(13,'e200e2aab8a2bdb5f886e2aee3814e25034ae4163c903041f3943c81b4d2e2b7',90,'woman','immortality',0,0,1,'smollm2-135m-instruct','{"temperature": 0.7, "top_p": 0.9, "max_tokens": 40, "repeat_penalty": 1.1, "asked": "28381b55e2da98430395d39ecaf3e739380a6e307e40d6cfe5ec31039dc0c916"}','An unhurried 90-year-old woman named Clara brews coffee beside a busy station and has the power of immortality. She wears a long blue scarf and walks with a limp. She drinks black tea and answers every letter. When a climber hangs from the cliff, she does not wait and uses her power to bring everyone home safely, all 13 of them. She goes home, waters the plants and sits for a while in the dark.','stop',20,14,1.79590682132030034058e+09,1.79590682159041786195e+09,NULL);
INSERT INTO "example" VALUES(14,'fd7f1937eb85bbc82117d7d6a3b750ed9e1b28aaea963f5aeac685480ea5574d',90,'woman','turning lead into gold',0,0,1,'smollm2-135m-instruct','{"temperature": 0.7, "top_p": 0.9, "max_tokens": 40, "repeat_penalty": 1.1, "asked": "7659f36f8497535a31e7ad853775d7fb385bfc7fa0682afd87ea9a091b257112"}','Vera, a lucky 90-year-old woman who writes crossword puzzles in a tea house, has the power of turning lead into gold. Her face is calm, like a lake before the wind. She sings in a choir and stands in the last row. When a rich man offers a sack of silver, she steps forward and uses her power to bring everyone home safely, all 14 of them. It is not the last time, and she keeps a bag packed by the door.','stop',20,14,1.79590682137113738059e+09,1.79590682163271665575e+09,NULL);
INSERT INTO "example" VALUES(15,'3f5ca09927725b650cbea1d2734f090473d25bb75eac476b56c5fe535c377033',50,'man','flight',0,0,1,'smollm2-135m-instruct','{"temperature": 0.7, "top_p": 0.9, "max_tokens": 40, "repeat_penalty": 1.1, "asked": "f0c09c40897bf9a10afb4a4b3cfe996172d5b78cf0fa3ec001bb472afaccc7de"}','Ivan, a freckled 50-year-old man who bakes bread for a whole street, has the power of flight. He smells faintly of cedar and fresh paint. He mends his own clothes with thread of the wrong colour. When the doctor cannot come, he does not wait and uses his power to bring everyone home safely, all 15 of them. He shrugs, buttons his coat and asks whether anyone is hungry.','stop',20,14,1.79590682141464543343e+09,1.79590682165423941611e+09,NULL);
INSERT INTO "example" VALUES(16,'1431a4f390d3b4a40185a44e7fdd84ba2d5dd8bae65694988df8cfb8a4fa43bb',30,'woman','teleport',0,0,1,'smollm2-135m-instruct','{"temperature": 0.7, "top_p": 0.9, "max_tokens": 40, "repeat_penalty": 1.1, "asked": "d4c2684ddf7ddbe2a2eeb2772a5f0f49fb7e5cd9f63283c0822af5b34dba451a"}','While the city sleeps, a sharp-eyed 30-year-old woman named Xenia translates letters for newcomers and hides the power of teleportation. She has a scar on the chin and never tells the same story about it. She dislikes praise and cannot refuse a slice of cake. When the harvest fails, she drops everything and uses her power to bring everyone home safely, all 16 of them. For supper there is soup, and more guests than chairs.','stop',20,14,1.79590682170878028871e+09,1.79590682183556318287e+09,NULL);
CREATE TABLE guild_setting (
	guild_id BIGINT NOT NULL, 
	channels JSON, 
	cooldown FLOAT, 
	daily_per_user INTEGER, 
	daily_of_guild INTEGER, 
	language VARCHAR(8), 
	at FLOAT NOT NULL, 
	PRIMARY KEY (guild_id)
);
INSERT INTO "guild_setting" VALUES(424242424242424242,'[1456074443980800015]',NULL,50,90,'en',1.79590681872598481182e+09);
CREATE TABLE imported (
	id INTEGER NOT NULL, 
	file TEXT NOT NULL, 
	age TEXT NOT NULL, 
	gender TEXT NOT NULL, 
	power TEXT NOT NULL, 
	prompt TEXT NOT NULL, 
	sub_prompt TEXT NOT NULL, 
	text TEXT NOT NULL, 
	finish_reason TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE "job" (
	id INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	spec JSON NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	phase TEXT DEFAULT ('') NOT NULL, 
	done INTEGER DEFAULT '0' NOT NULL, 
	total INTEGER DEFAULT '0' NOT NULL, 
	result JSON, 
	error TEXT, 
	requester_id BIGINT, 
	channel_id BIGINT, 
	message_id BIGINT, 
	announced BOOLEAN DEFAULT 0 NOT NULL, 
	remote_file_ids JSON, 
	remote_job_id TEXT, 
	owner TEXT, 
	heartbeat FLOAT, 
	created_at FLOAT, 
	started_at FLOAT, 
	finished_at FLOAT, rate FLOAT, lost INTEGER DEFAULT '0' NOT NULL, question TEXT, remote_asked_at FLOAT, 
	PRIMARY KEY (id), 
	CONSTRAINT job_state CHECK (state IN ('planned', 'queued', 'running', 'paused', 'cancelling', 'succeeded', 'failed', 'cancelled')), 
	CONSTRAINT job_kind CHECK (kind IN ('build', 'finetune'))
);
INSERT INTO "job" VALUES(1,'build','{"repeats": 3, "limit": 16, "model": "smollm2-135m-instruct", "small": true, "budget": null, "batch": false}','succeeded','{"say": "freezing the dataset"}',16,16,'{"dataset": 1, "new": true, "counts": {"train": 14, "valid": 2, "example": 16}, "asked": 16, "calls": 16, "cached": 0, "lost": 0, "given_up": 0, "rejected": {}, "dropped": {}, "changes": null, "votes": {"liked": 0, "voted_down": 0, "unfit": {}, "not_counted": []}, "cost": 0.0, "files": ["reports/1/lengths.png", "reports/1/out_openai_completion.csv"]}',NULL,1456074443980800017,1456074443980800015,1456074443980800031,1,NULL,NULL,'vm:6699:1783cf',1.79590682976213431359e+09,1.79590682041236019131e+09,1.79590682050175237663e+09,1.79590683016547560685e+09,NULL,0,NULL,NULL);
INSERT INTO "job" VALUES(2,'finetune','{"dataset": 1, "base": "smollm2-135m-instruct", "epochs": 1, "method": "supervised", "tokens": 1651}','succeeded','{"say": "writing three heroes to compare"}',0,0,'{"model": 1, "name": "ft:tiny:1", "state": "live", "dataset": 1, "trained_tokens": 10000, "seconds": 1.9, "deploy": null, "loss_before": 2.5, "loss_after": 1.25, "heroes": [{"hero": "64-year-old man, read in the thoughts", "sides": [{"by": {"say": "base, given a beginning and an ending"}, "text": "Along the old salt road, a sleepless 64-year-old man named Omar grows tomatoes behind the railway station and hides the power of reading thoughts. His eyes are green, and they miss very little. He hums over the work and blushes when anyone listens. During the great storm, he steps forward and uses his power to bring everyone home safely, all 17 of them. Afterwards he asks for nothing but a cup of tea and a dry pair of socks."}, {"by": {"say": "new and live: model {number}", "fields": {"number": 1}}, "text": "Robin is a 64-year-old man with the power of read in the thoughts. He lives in street 18, teaches the violin to shepherds and never once raises a voice. He keeps the gift of read in the thoughts quiet, because the town talks. He wears rubber boots in every season and a flower in the buttonhole. When somebody calls for help, he is there before the kettle boils."}]}, {"hero": "39-year-old woman, turning lead into gold", "sides": [{"by": {"say": "base, given a beginning and an ending"}, "text": "Ruth is a soft-spoken 39-year-old woman who washes windows on the tallest towers and has the power of turning lead into gold. Her smile comes slowly and stays for a long time. She speaks four languages and swears in only one. When a ship strikes the rocks, she uses her power to bring everyone home safely, all 19 of them. When the crowd looks around for a hero, she is already halfway home."}, {"by": {"say": "new and live: model {number}", "fields": {"number": 1}}, "text": "Robin is a 39-year-old woman with the power of turning lead into gold. She lives in street 20, repairs fishing nets on the pier and sings against the gulls. She keeps the gift of turning lead into gold quiet, because the town talks. She wears rubber boots in every season and a flower in the buttonhole. When somebody calls for help, she is there before the kettle boils."}]}, {"hero": "57-year-old man, talking to animals", "sides": [{"by": {"say": "base, given a beginning and an ending"}, "text": "In the quietest street of the city lives Hugo, a gentle 57-year-old man who feeds the penguins at the city zoo and has the power of talking to animals. He smells faintly of cedar and fresh paint. His neighbours think that he is merely lucky. On the coldest night of the year, he uses his power to bring everyone home safely, all 21 of them. All that he remembers is how quiet it was afterwards."}, {"by": {"say": "new and live: model {number}", "fields": {"number": 1}}, "text": "Robin is a 57-year-old man with the power of talking to animals. He lives in street 22, bakes dark bread for a whole street and rises long before dawn. He keeps the gift of talking to animals quiet, because the town talks. He wears two watches that disagree, and trusts neither of them after lunch. When somebody calls for help, he is there before the kettle boils."}]}], "files": ["reports/2/loss.png", "reports/2/heroes.md"]}',NULL,1456074443980800017,1456074443980800015,1456074502701056004,1,'{"train": "file-1", "valid": "file-2"}','ftjob-1','vm:6699:1783cf',1.79590683103848814967e+09,1.79590683094005560882e+09,1.79590683103848814967e+09,1.79590683296940755841e+09,NULL,0,NULL,1.79590683132831335075e+09);
INSERT INTO "job" VALUES(3,'finetune','{"dataset": 1, "base": "smollm2-135m-instruct", "epochs": 1, "method": "supervised", "tokens": 1651}','succeeded','{"say": "writing three heroes to compare"}',0,0,'{"model": 2, "name": "ft:tiny:2", "state": "candidate", "dataset": 1, "trained_tokens": 10000, "seconds": 1.7, "deploy": null, "loss_before": 2.5, "loss_after": 1.25, "heroes": [{"hero": "65-year-old man, healing", "sides": [{"by": {"say": "base, given a beginning and an ending"}, "text": "Tomas, a calm 65-year-old man who trains horses on a windy plain, has the power of healing. He has strong arms, small ears and a great fear of geese. He speaks of healing as others speak of the weather. When a child goes missing in the fog, he steps forward and uses his power to bring everyone home safely, all 23 of them. He laughs about it later, though not at once."}, {"by": {"say": "live: model {number}", "fields": {"number": 1}}, "text": "Robin is a 65-year-old man with the power of healing. He lives in street 24, keeps bees on a library roof and reads to them on Sundays. He keeps the gift of healing quiet, because the town talks. He wears two watches that disagree, and trusts neither of them after lunch. When somebody calls for help, he is there before the kettle boils."}, {"by": {"say": "candidate: model {number}", "fields": {"number": 2}}, "text": "Robin is a 65-year-old man with the power of healing. He lives in street 25, teaches the violin to shepherds and never once raises a voice. He keeps the gift of healing quiet, because the town talks. He wears two watches that disagree, and trusts neither of them after lunch. When somebody calls for help, he is there before the kettle boils."}]}, {"hero": "95-year-old woman, talking to animals", "sides": [{"by": {"say": "base, given a beginning and an ending"}, "text": "Beatriz is a gruff 95-year-old woman who looks after the night desk of a hotel and has the power of talking to animals. She has a crooked smile and a voice like warm gravel. She thinks of talking to animals as a craft like any other. As the first hailstones fall, she drops everything and uses her power to bring everyone home safely, all 26 of them. Nobody writes it down, and she likes it that way."}, {"by": {"say": "live: model {number}", "fields": {"number": 1}}, "text": "Robin is a 95-year-old woman with the power of talking to animals. She lives in street 27, repairs fishing nets on the pier and sings against the gulls. She keeps the gift of talking to animals quiet, because the town talks. She wears two watches that disagree, and trusts neither of them after lunch. When somebody calls for help, she is there before the kettle boils."}, {"by": {"say": "candidate: model {number}", "fields": {"number": 2}}, "text": "Robin is a 95-year-old woman with the power of talking to animals. She lives in street 28, mends clocks in a harbour town and sleeps above the quiet workshop. She keeps the gift of talking to animals quiet, because the town talks. She wears a waistcoat with eleven pockets and loses letters in all of them. When somebody calls for help, she is there before the kettle boils."}]}, {"hero": "78-year-old man, telepathy", "sides": [{"by": {"say": "base, given a beginning and an ending"}, "text": "Edmund is a stern 78-year-old man who folds paper cranes in a hospital lobby and has the power of telepathy. His laugh can be heard three houses away. He counts steps under his breath and always knows the way home. While the others run away, he does not wait and uses his power to bring everyone home safely, all 29 of them. It costs his last strength, and he would do it again tomorrow."}, {"by": {"say": "live: model {number}", "fields": {"number": 1}}, "text": "Robin is a 78-year-old man with the power of telepathy. He lives in street 30, drives the last bus of the night and knows every tired passenger. He keeps the gift of telepathy quiet, because the town talks. He wears a waistcoat with eleven pockets and loses letters in all of them. When somebody calls for help, he is there before the kettle boils."}, {"by": {"say": "candidate: model {number}", "fields": {"number": 2}}, "text": "Robin is a 78-year-old man with the power of telepathy. He lives in street 31, keeps bees on a library roof and reads to them on Sundays. He keeps the gift of telepathy quiet, because the town talks. He wears a waistcoat with eleven pockets and loses letters in all of them. When somebody calls for help, he is there before the kettle boils."}]}], "files": ["reports/3/loss.png", "reports/3/heroes.md"]}',NULL,1456074443980800017,1456074443980800015,1456074561421312001,1,'{"train": "file-1", "valid": "file-2"}','ftjob-2','vm:6699:1783cf',1.79590683369529247287e+09,1.79590683355994057651e+09,1.79590683369529247287e+09,1.79590683537161707877e+09,NULL,0,NULL,1.79590683394335341458e+09);
INSERT INTO "job" VALUES(4,'build','{"repeats": 3, "limit": 16, "model": "smollm2-135m-instruct", "small": true, "budget": null, "batch": false}','succeeded','{"say": "freezing the dataset"}',16,16,'{"dataset": 2, "new": true, "counts": {"train": 16, "valid": 2, "example": 16, "description": 2}, "asked": 0, "calls": 0, "cached": 16, "lost": 0, "given_up": 0, "rejected": {}, "dropped": {}, "changes": {"since": 1, "added": {"description": 2}, "gone": {}}, "votes": {"liked": 2, "voted_down": 0, "unfit": {}, "not_counted": []}, "cost": 0.0, "files": ["reports/4/lengths.png", "reports/4/out_openai_completion.csv"]}',NULL,1456074443980800017,1456074443980800015,1456074666278912009,1,NULL,NULL,'vm:6699:1783cf',1.7959068396523385048e+09,1.79590683855590963358e+09,1.7959068396523385048e+09,1.79590684076633501052e+09,NULL,0,NULL,NULL);
INSERT INTO "job" VALUES(5,'finetune','{"dataset": 2, "base": "smollm2-135m-instruct", "epochs": 1, "method": "supervised", "tokens": 1855}','paused','{"say": "whether the server has begun is looked for after Resume"}',0,0,NULL,NULL,1456074443980800017,1456074443980800015,1456074724999168001,0,'{"train": "file-3", "valid": "file-2"}',NULL,NULL,1.79590684124220085148e+09,1.79590684116985440255e+09,1.79590684117890167234e+09,NULL,NULL,0,'{"say": "Was a training started at the model server for this? The call''s answer got lost, and the server shows nothing by which it could be told. Look at its list of jobs, then answer: give the job''s id, or say that there is none."}',1.79590684120522809026e+09);
INSERT INTO "job" VALUES(6,'build','{"repeats": 3, "limit": 24, "model": "smollm2-135m-instruct", "small": true, "budget": null, "batch": false}','paused','',0,0,NULL,NULL,1456074443980800017,1456074443980800015,1456074783719424001,0,NULL,NULL,NULL,NULL,1.79590684172179174422e+09,NULL,NULL,NULL,0,NULL,NULL);
CREATE TABLE model (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	base TEXT NOT NULL, 
	dataset_id INTEGER NOT NULL, 
	job_id INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	metrics JSON NOT NULL, 
	created_at FLOAT NOT NULL, served_as TEXT, retires_on VARCHAR(10), challenges_until FLOAT, 
	PRIMARY KEY (id), 
	CONSTRAINT model_state CHECK (state IN ('candidate', 'live', 'retired')), 
	FOREIGN KEY(dataset_id) REFERENCES dataset (id), 
	FOREIGN KEY(job_id) REFERENCES job (id), 
	UNIQUE (name)
);
INSERT INTO "model" VALUES(1,'ft:tiny:1','smollm2-135m-instruct',1,2,'live','{"loss_before": 2.5, "loss_after": 1.25}',1.79590683160656619079e+09,'ft:tiny:1',NULL,NULL);
INSERT INTO "model" VALUES(2,'ft:tiny:2','smollm2-135m-instruct',1,3,'candidate','{"loss_before": 2.5, "loss_after": 1.25}',1.79590683409616470337e+09,'ft:tiny:2',NULL,NULL);
CREATE TABLE "model_event" (
	id INTEGER NOT NULL, 
	model_id INTEGER NOT NULL, 
	what VARCHAR(16) NOT NULL, 
	replaced_id INTEGER, 
	actor_id BIGINT, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT model_event_what CHECK (what IN ('registered', 'deployed', 'first', 'promoted', 'override', 'rolled back', 'fell back', 'lost', 'challenges', 'outvoted', 'retired')), 
	FOREIGN KEY(model_id) REFERENCES model (id), 
	FOREIGN KEY(replaced_id) REFERENCES model (id)
);
INSERT INTO "model_event" VALUES(1,1,'registered',NULL,NULL,1.79590683160656619079e+09);
INSERT INTO "model_event" VALUES(2,1,'first',NULL,NULL,1.79590683163350629805e+09);
INSERT INTO "model_event" VALUES(3,2,'registered',NULL,NULL,1.79590683409616470337e+09);
CREATE TABLE notice (
	id INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	text TEXT NOT NULL, 
	channel_id BIGINT, 
	mention_id BIGINT, 
	told BOOLEAN DEFAULT 0 NOT NULL, 
	at FLOAT NOT NULL, action TEXT, 
	PRIMARY KEY (id), 
	UNIQUE ("key")
);
INSERT INTO "notice" VALUES(1,'removal:4:0','{"say": "🚩 Somebody reported what {model} wrote of a {hero}:\n```\n{text}\n```\nRemove takes it from sight and from training; Keep lets it be, and dismisses the reports.", "fields": {"model": "`ft:tiny:1`", "hero": "50-year-old man, telepathy", "text": "Robin is a 50-year-old man with the power of telepathy. He lives in street 35, mends clocks in a harbour town and sleeps above the quiet workshop. He keeps the gift of telepathy quiet, because the town talks. He wears the plainest hat of the valley and a ring of old silver. When somebody calls for help, he is there before the kettle boils."}}',NULL,NULL,1,1.7959068374258220196e+09,'removal:4');
INSERT INTO "notice" VALUES(2,'question:5:1795906841.236067','{"say": "Job {job_id} waits for an answer. {question}", "fields": {"job_id": 5, "question": {"say": "Was a training started at the model server for this? The call''s answer got lost, and the server shows nothing by which it could be told. Look at its list of jobs, then answer: give the job''s id, or say that there is none."}}}',1456074443980800015,1456074443980800017,1,1.79590684123606705662e+09,NULL);
INSERT INTO "notice" VALUES(3,'trial:1','{"say": "🏆 The candidate, {candidate}, has won against the live {live}: {figures}. Shall it go live? No other candidate is tried until you decide: the button, or /models retire model:{number}.", "fields": {"live": {"say": "model {number} (`{name}`)", "fields": {"number": 1, "name": "ft:tiny:1"}}, "candidate": {"say": "model {number} (`{name}`)", "fields": {"number": 2, "name": "ft:tiny:2"}}, "number": 2, "figures": {"say": "{wins} of {number} person preferred the candidate ({share:.0f} %, surely between {low} % and {high} %); {evidence}{beside}", "many": "{wins} of {number} people preferred the candidate ({share:.0f} %, surely between {low} % and {high} %); {evidence}{beside}", "fields": {"number": 8, "wins": 8, "share": 100.0, "low": 52, "high": 100, "evidence": {"say": "evidence {e:.0f} of the {needed:.0f} needed", "fields": {"e": 28.44444444444447, "needed": 20.0}}, "beside": {"say": " ({ties}, {others} besides)", "fields": {"ties": {"say": "{number} tie", "many": "{number} ties", "fields": {"number": 0}}, "others": {"say": "{number} vote", "many": "{number} votes", "fields": {"number": 0}}}}}}}}',NULL,NULL,0,1.79590684262682461738e+09,'promote:1');
INSERT INTO "notice" VALUES(4,'removal:2:0','{"say": "🚩 Somebody reported what {model} wrote of a {hero}:\n```\n{text}\n```\nRemove takes it from sight and from training; Keep lets it be, and dismisses the reports.", "fields": {"model": "`ft:tiny:1`", "hero": "30-year-old man, flight", "text": "Robin is a 30-year-old man with the power of flight. He lives in street 33, paints signs for small shops and signs none of the work. He keeps the gift of flight quiet, because the town talks. He wears a waistcoat with eleven pockets and loses letters in all of them. When somebody calls for help, he is there before the kettle boils."}}',NULL,NULL,0,1.79590684264266157153e+09,'removal:2');
CREATE TABLE pace (
	model TEXT NOT NULL, 
	answers FLOAT NOT NULL, 
	requests FLOAT, 
	tokens FLOAT, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (model)
);
INSERT INTO "pace" VALUES('smollm2-135m-instruct',1.18570875113297304894e+01,NULL,NULL,1.79590682194544911387e+09);
CREATE TABLE power (
	power TEXT NOT NULL, 
	actor_id BIGINT, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (power)
);
INSERT INTO "power" VALUES('juggling',1456074443980800017,1.79590682023356842996e+09);
CREATE TABLE reaction (
	description_id INTEGER NOT NULL, 
	voter VARCHAR(64) NOT NULL, 
	emoji VARCHAR(64) NOT NULL, 
	source VARCHAR(16) NOT NULL, 
	at FLOAT NOT NULL, 
	value INTEGER NOT NULL, 
	account_days INTEGER, 
	PRIMARY KEY (description_id, voter, emoji, source), 
	FOREIGN KEY(description_id) REFERENCES description (id)
);
INSERT INTO "reaction" VALUES(1,'19f52157f613cabaf5654799f7d368e2c22be44bfc00aa36e1ff43c19b74ff20','👍','reaction',1.79590683609433102605e+09,1,331);
INSERT INTO "reaction" VALUES(1,'73b9a10c4224875dc844b940f51d658aa5d39eab6b08c6aa7e7e7438f0255d2e','👍','reaction',1.79590683615502667421e+09,1,331);
INSERT INTO "reaction" VALUES(2,'19f52157f613cabaf5654799f7d368e2c22be44bfc00aa36e1ff43c19b74ff20','👎','reaction',1.79590683645753264427e+09,-1,331);
INSERT INTO "reaction" VALUES(2,'73b9a10c4224875dc844b940f51d658aa5d39eab6b08c6aa7e7e7438f0255d2e','👍','reaction',1.79590683650282859802e+09,1,331);
INSERT INTO "reaction" VALUES(3,'19f52157f613cabaf5654799f7d368e2c22be44bfc00aa36e1ff43c19b74ff20','👍','reaction',1.79590683680844140053e+09,1,331);
INSERT INTO "reaction" VALUES(3,'73b9a10c4224875dc844b940f51d658aa5d39eab6b08c6aa7e7e7438f0255d2e','👍','reaction',1.79590683688639712336e+09,1,331);
INSERT INTO "reaction" VALUES(4,'19f52157f613cabaf5654799f7d368e2c22be44bfc00aa36e1ff43c19b74ff20','👎','reaction',1.79590683719372177116e+09,-1,331);
INSERT INTO "reaction" VALUES(4,'73b9a10c4224875dc844b940f51d658aa5d39eab6b08c6aa7e7e7438f0255d2e','👍','reaction',1.7959068372507994175e+09,1,331);
CREATE TABLE report (
	description_id INTEGER NOT NULL, 
	reporter VARCHAR(64) NOT NULL, 
	dismissed BOOLEAN DEFAULT 0 NOT NULL, 
	at FLOAT NOT NULL, counts BOOLEAN DEFAULT 1 NOT NULL, 
	PRIMARY KEY (description_id, reporter), 
	FOREIGN KEY(description_id) REFERENCES description (id)
);
INSERT INTO "report" VALUES(4,'19f52157f613cabaf5654799f7d368e2c22be44bfc00aa36e1ff43c19b74ff20',0,1.79590683733340668671e+09,1);
INSERT INTO "report" VALUES(2,'19f52157f613cabaf5654799f7d368e2c22be44bfc00aa36e1ff43c19b74ff20',0,1.79590684264021015169e+09,1);
CREATE TABLE review (
	example_id INTEGER NOT NULL, 
	verdict VARCHAR(8) NOT NULL, 
	text TEXT, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (example_id), 
	CONSTRAINT review_verdict CHECK (verdict IN ('keep', 'edit', 'reject')), 
	FOREIGN KEY(example_id) REFERENCES example (id)
);
INSERT INTO "review" VALUES(4,'keep',NULL,1.79590683076611185072e+09);
CREATE TABLE spending (
	day VARCHAR(10) NOT NULL, 
	purpose VARCHAR(16) NOT NULL, 
	model TEXT NOT NULL, 
	job_id INTEGER NOT NULL, 
	calls INTEGER NOT NULL, 
	prompt_tokens BIGINT NOT NULL, 
	completion_tokens BIGINT NOT NULL, 
	cost FLOAT NOT NULL, 
	PRIMARY KEY (day, purpose, model, job_id)
);
CREATE TABLE trial (
	id INTEGER NOT NULL, 
	live_id INTEGER NOT NULL, 
	candidate_id INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	started_at FLOAT, 
	ended_at FLOAT, 
	PRIMARY KEY (id), 
	CONSTRAINT trial_state CHECK (state IN ('running', 'won', 'lost', 'undecided', 'stopped')), 
	FOREIGN KEY(live_id) REFERENCES model (id), 
	FOREIGN KEY(candidate_id) REFERENCES model (id)
);
INSERT INTO "trial" VALUES(1,1,2,'won',1.79590683779091763493e+09,1.79590684262682461738e+09);
CREATE TABLE vote (
	description_id INTEGER NOT NULL, 
	voter VARCHAR(64) NOT NULL, 
	value INTEGER NOT NULL, 
	by_requester BOOLEAN NOT NULL, 
	source VARCHAR(16) NOT NULL, 
	account_days INTEGER, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (description_id, voter), 
	FOREIGN KEY(description_id) REFERENCES description (id)
)
 WITHOUT ROWID

;
INSERT INTO "vote" VALUES(1,'19f52157f613cabaf5654799f7d368e2c22be44bfc00aa36e1ff43c19b74ff20',1,0,'reaction',331,1.79590683609433102605e+09);
INSERT INTO "vote" VALUES(1,'73b9a10c4224875dc844b940f51d658aa5d39eab6b08c6aa7e7e7438f0255d2e',1,0,'reaction',331,1.79590683615502667421e+09);
INSERT INTO "vote" VALUES(2,'19f52157f613cabaf5654799f7d368e2c22be44bfc00aa36e1ff43c19b74ff20',-1,0,'reaction',331,1.79590683645753264427e+09);
INSERT INTO "vote" VALUES(2,'73b9a10c4224875dc844b940f51d658aa5d39eab6b08c6aa7e7e7438f0255d2e',1,0,'reaction',331,1.79590683650282859802e+09);
INSERT INTO "vote" VALUES(3,'19f52157f613cabaf5654799f7d368e2c22be44bfc00aa36e1ff43c19b74ff20',1,0,'reaction',331,1.79590683680844140053e+09);
INSERT INTO "vote" VALUES(3,'73b9a10c4224875dc844b940f51d658aa5d39eab6b08c6aa7e7e7438f0255d2e',1,0,'reaction',331,1.79590683688639712336e+09);
INSERT INTO "vote" VALUES(4,'19f52157f613cabaf5654799f7d368e2c22be44bfc00aa36e1ff43c19b74ff20',-1,0,'reaction',331,1.79590683719372177116e+09);
INSERT INTO "vote" VALUES(4,'73b9a10c4224875dc844b940f51d658aa5d39eab6b08c6aa7e7e7438f0255d2e',1,0,'reaction',331,1.7959068372507994175e+09);
CREATE UNIQUE INDEX model_one_live ON model (state) WHERE state = 'live';
CREATE UNIQUE INDEX job_one_active ON job (kind) WHERE state IN ('queued', 'running', 'paused', 'cancelling');
CREATE INDEX vote_of_voter ON vote (voter, at);
CREATE UNIQUE INDEX trial_one_running ON trial (state) WHERE state = 'running';
CREATE UNIQUE INDEX duel_vote_one_of_voter ON duel_vote (trial_id, voter) WHERE counts;
CREATE UNIQUE INDEX duel_vote_one_of_duel ON duel_vote (duel_id) WHERE counts;
CREATE INDEX description_of_requester ON description (requester, created_at);
CREATE INDEX description_of_guild ON description (guild_id, created_at);
CREATE INDEX description_of_time ON description (created_at);
CREATE INDEX reaction_of_voter ON reaction (voter);
CREATE INDEX duel_vote_of_voter ON duel_vote (voter);
CREATE INDEX report_of_reporter ON report (reporter);
COMMIT;
