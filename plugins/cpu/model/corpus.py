#!/usr/bin/env python3
"""Expand corpus/*.txt into training dialogues.

The data files are meant to be read and edited by people. One intent:

	[name]
	@ term | term       asked with the definition templates: "what is TERM", "explain TERM"
	! do this | do that asked with the how-to templates: "how do I DO THIS"
	~ clause | clause   asked with "why": "why CLAUSE"
	? question          asked as it stands; {a|b|} is a choice and may be empty
	= answer            several lines are alternatives
	+ more              the answer to "tell me more" after this intent

`$name = a | b` defines a slot for the rest of its file; {$name} takes one of its words. What this
module adds on top is how people type: polite forms, key words, no punctuation, lower case, typos,
a greeting before the question, a second turn after another one.
"""
import json
import random
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent

DEFINE = [
	'what is {}', 'what is {}', 'what is {}', "what's {}", 'what exactly is {}', 'explain {}',
	'explain {} to me', 'tell me about {}', 'tell me something about {}', '{}', '{}?', 'define {}',
	'what does {} mean', 'can you explain {}', 'describe {}', 'what do you know about {}',
	'i want to know about {}', 'how would you explain {}', '{} explained', '{} meaning',
	'give me a short explanation of {}', 'what is meant by {}', 'eli5 {}', 'info on {}',
	'i do not know what {} is', 'what the heck is {}', 'could you tell me what {} is',
	'do you know {}', 'do you know what {} is', 'i have never heard of {}', 'what about {}',
	'{} in simple words', 'in short, what is {}', 'what is this thing called {}', 'and what is {}',
	'i would like to understand {}', 'teach me about {}', 'give me details on {}', '{} definition',
	'please explain {}', 'i have a question about {}', 'could you explain {}', 'help me understand {}',
	'what should i know about {}', 'let us talk about {}', 'so {}, what is that', '{}, what is that',
	'{} please', 'what do you mean by {}', 'i keep reading about {}', 'where does {} come in',
	'what is {} all about', "what's the idea of {}", 'what is {} for', 'what is the point of {}',
	'can you tell me more about {}', 'i am curious about {}', 'what can you say about {}',
]
HOWTO = [
	'how do i {}', 'how do i {}', 'how can i {}', 'how to {}', 'how to {}', 'i want to {}',
	'i need to {}', 'what is the way to {}', 'show me how to {}', 'is there a way to {}',
	'help me {}', 'help me to {}', 'command to {}', 'what do i have to do to {}', '{}',
	'which command do i need to {}', "i'd like to {}", 'how does one {}', 'can i {}',
	'what do i type to {}', 'tell me how to {}', 'explain how to {}', 'what is the best way to {}',
	'how would i {}', 'how should i {}', 'steps to {}', 'i am trying to {}', 'is it possible to {}',
	'how is it possible to {}', 'i do not know how to {}', 'what must i do to {}', 'could i {}',
	'can you help me {}', 'easiest way to {}', 'how do you {}', 'how do we {}', 'where can i {}',
]
WHY = [
	'why {}', 'why do i {}', 'why should i {}', 'for what reason {}', 'what is the reason to {}',
	'tell me why {}', 'can you explain why {}', 'why would one {}',
]
MORE = [
	'tell me more', 'more', 'go on', 'can you say more', 'what else', 'more details please',
	'continue', 'please elaborate', 'and then?', 'can you tell me more about that', 'more please',
	'say more', 'i want to know more', 'give me more details', 'explain further', 'in more detail?',
	'how so?', 'anything else?', 'expand on that', 'and?',
]
NEXT = ['and {}?', 'what about {}?', 'and what is {}?', 'and {}', 'ok, and {}?', 'how about {}?',
	'now explain {}', 'then what is {}?', 'and what does {} mean?']
BEFORE = ['please ', 'can you tell me ', 'hi, ', 'hello, ', 'hey, ', 'hello! ', 'ok, ', 'so ', 'and ',
	'um, ', 'i wonder: ', 'question: ', 'quick question: ', 'could you tell me ', 'tell me, ', 'well, ',
	'sorry, ', 'now ', 'but ', 'good morning. ', 'hi b3iq, ', 'excuse me, ', 'i have a question. ',
	'just curious, ', 'one more thing: ', 'another question: ', 'thanks. ', 'great, ', 'dear model, ',
	'any idea ', 'do you happen to know ', 'i was wondering, ', 'i would like to know ', "i'd like to know ",
	'please tell me ', 'do you know ', 'remind me, ', 'i am new, ', 'let me ask: ', 'for a friend: ', 'hmm, ',
	'i am confused, ', 'honestly, ', 'out of interest, ', 'i want to know ', 'not sure, ', 'tell me ']
AFTER = [' please', ', please', ' thanks', '? thanks', ' here', ' exactly', ' in b3iq', ' now',
	' again', ' for me', ' briefly', ' in short', ' quickly', ' right now', ' i wonder', ' actually',
	' then', '? i am new to this', '? i forgot', ' ok?', ' by the way', '? just a short answer please']
SYSTEM = ['You are a helpful assistant.', 'You are b3iq-mini.', 'Answer briefly.',
	'You are a helpful, concise assistant.', 'You are the built-in model of b3iq.',
	'Be polite and short.', 'You are an AI assistant. Answer the user.']
KEYS = {'a': 'sqz', 'b': 'vn', 'c': 'xv', 'd': 'sf', 'e': 'wr', 'f': 'dg', 'g': 'fh', 'h': 'gj',
	'i': 'uo', 'j': 'hk', 'k': 'jl', 'l': 'k', 'm': 'n', 'n': 'bm', 'o': 'ip', 'p': 'o', 'q': 'w',
	'r': 'et', 's': 'ad', 't': 'ry', 'u': 'yi', 'v': 'cb', 'w': 'qe', 'x': 'zc', 'y': 'tu', 'z': 'x'}
WORDS = {'quantisation': 'quantization', 'quantised': 'quantized', 'do not': "don't", 'it is': "it's",
	'what is': "what's", 'can not': "can't", 'cannot': "can't", 'does not': "doesn't", 'i am': "i'm",
	'you': 'u', 'are': 'r', 'please': 'pls', 'licence': 'license', 'is not': "isn't",
	'behaviour': 'behavior', 'colour': 'color', 'who is': "who's", 'i would': "i'd", 'a ': '',
	'the ': '', 'b3iq': 'B3IQ', 'api': 'API', 'gpu': 'GPU', 'gguf': 'GGUF', 'my ': 'the ',
	'how do i ': 'how can i ', 'what is ': 'whats ', 'because': 'cause', 'and': '&'}

SAME = {
	'start': 'launch|run|boot|fire up|spin up|bring up', 'stop': 'end|halt|quit|switch off|turn off',
	'show': 'display|print|list|give', 'list': 'show|enumerate|see', 'create': 'make|generate|set up|get',
	'make': 'create|generate|build', 'delete': 'remove|erase|get rid of|drop', 'remove': 'delete|get rid of|take out',
	'use': 'utilise|work with|employ|try', 'check': 'test|inspect|look at', 'answer': 'response|reply|output',
	'answers': 'responses|replies', 'question': 'query', 'questions': 'queries', 'fast': 'quick|speedy',
	'slow': 'sluggish|laggy', 'error': 'problem|failure|issue', 'computer': 'machine|pc|laptop|box',
	'machine': 'computer|pc|laptop|box|system|server', 'work': 'function|operate', 'works': 'functions|operates',
	'explain': 'describe|clarify|walk me through|elaborate on|outline', 'need': 'require', 'big': 'large|huge',
	'large': 'big|huge', 'small': 'little|tiny', 'get': 'obtain|receive|have', 'find': 'locate|discover',
	'change': 'modify|alter|adjust|edit|set', 'difference': 'distinction', 'folder': 'directory',
	'directory': 'folder', 'model': 'llm|language model', 'why': 'how come|for what reason',
	'want': 'would like|wish|need', 'download': 'fetch|grab|obtain', 'enable': 'activate|switch on|turn on|use',
	'disable': 'deactivate|switch off|turn off', 'good': 'great|decent|useful', 'money': 'cash|tokens',
	'happens': 'goes on|occurs', 'happen': 'occur', 'learn': 'study|find out', 'buy': 'purchase|get',
	'tell me': 'let me know|inform me|give me an idea', 'can i': 'may i|could i|am i able to|am i allowed to',
	'can you': 'could you|would you|are you able to|will you', 'what is': 'what exactly is|what might be',
	'how do i': 'how would i|how could i|in what way do i|how might i|how am i supposed to|how should i',
	'how does': 'in what way does|how exactly does', 'is there': 'do you have|does b3iq have|is there really',
	'where is': 'where can i find|where do i find|where would i find',
	'where are': 'where can i find|where do i find', 'are there': 'exist|do you have|does it have',
	'do i': 'must i|should i|does one', 'do i need': 'must i have|do i require|does one need',
	'purpose': 'point|aim|use', 'meaning': 'sense|definition', 'see': 'view|look at|find', 'the node': 'b3iq|my node|the server',
	'node': 'server', 'b3iq': 'the node|it|this', 'add': 'install|put in|load|include', 'install': 'set up|add',
	'send': 'submit|pass|transmit', 'help': 'assist', 'safe': 'secure', 'secure': 'safe', 'kinds': 'types|sorts',
	'types': 'kinds|sorts', 'work with': 'support|cooperate with', 'support': 'work with|handle|run',
	'stored': 'kept|saved|located', 'long': 'much time', 'lost': 'misplaced|forgot', 'fails': 'breaks|goes wrong',
	'broken': 'damaged|faulty|kaput', 'computed': 'calculated|worked out', 'paid': 'rewarded|compensated',
	'write': 'compose|create|produce', 'picture': 'image|drawing', 'invented': 'created|came up with',
	'mean': 'signify|stand for', 'means': 'signifies', 'best': 'ideal|right|optimal', 'own': 'custom|personal',
	'simply': 'in plain words|in simple terms|easily', 'exactly': 'precisely', 'verify': 'validate|confirm',
	'a lot': 'much|very much', 'does': 'will|would', 'speed': 'performance|pace',
	'request': 'call|query', 'terminal': 'shell|console|command line', 'file': 'document', 'job': 'task',
	'tokens': 'coins', 'price': 'cost', 'cost': 'price', 'choose': 'pick|select', 'chosen': 'picked|selected',
}


class Intent:
	def __init__(self, name, slots):
		self.name, self.slots = name, slots
		self.terms, self.howtos, self.whys, self.asks = [], [], [], []
		self.answers, self.more = [], []

	def kinds(self):
		"""(weight, pick a question) for each way to ask."""
		return [(min(len(self.terms), 3) * 3, self.define), (min(len(self.howtos), 6) * 2, self.howto),
			(min(len(self.whys), 2), self.why), (len(self.asks) * 1.5, self.literal)]

	def fill(self, text, rng):
		"""Resolve choices and slots, innermost first."""
		while True:
			found = re.search(r'\{([^{}]*)\}', text)
			if not found:
				break
			text = text[:found.start()] + rng.choice(found[1].split('|')) + text[found.end():]
			text = self.slot(text, rng)
		return re.sub(r'\s+', ' ', text).replace(' ,', ',').strip()

	def slot(self, text, rng):
		return re.sub(r'\$([a-z]+)', lambda m: rng.choice(self.slots[m[1]]), text)

	def define(self, rng):
		term = self.fill(rng.choice(self.terms), rng)
		ask = rng.choice(DEFINE)
		plural = term.endswith('s') and not term.endswith(('ss', 'is', 'us', 'ous'))
		if plural and rng.random() < 0.8:
			ask = ask.replace('is {}', 'are {}').replace('{} is', '{} are').replace('does {}', 'do {}')
			ask = ask.replace("what's {}", 'what are {}')
		if rng.random() < 0.12:
			term = re.sub(r'^(a|an|the) ', '', term)
		return ask.replace('{}', term)

	def howto(self, rng):
		return rng.choice(HOWTO).replace('{}', self.fill(rng.choice(self.howtos), rng))

	def why(self, rng):
		return rng.choice(WHY).replace('{}', self.fill(rng.choice(self.whys), rng))

	def literal(self, rng):
		return self.fill(rng.choice(self.asks), rng)

	def ask(self, rng):
		weights, picks = zip(*self.kinds())
		return rng.choices(picks, weights)[0](rng)


def load(folder=HERE / 'corpus'):
	"""All intents of the data files, by name."""
	intents = {}
	for path in sorted(folder.glob('*.txt')):
		slots, at = {}, None
		for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
			if not line.strip() or line.startswith('#'):
				continue
			where = f'{path.name}:{number}'
			if line.startswith('$'):
				name, words = line[1:].split('=', 1)
				slots[name.strip()] = [w.strip() for w in words.split('|')]
			elif line.startswith('['):
				name = line.strip('[] \n')
				assert name not in intents, f'{where}: intent {name} is there twice'
				at = intents[name] = Intent(name, slots)
			else:
				kind, text = line[0], line[2:].strip()
				assert line[1] == ' ' and at, f'{where}: cannot read this line'
				if kind in '@!~':
					items = [i.strip() for i in text.split(' | ')]
					{'@': at.terms, '!': at.howtos, '~': at.whys}[kind].extend(items)
				else:
					{'?': at.asks, '=': at.answers, '+': at.more}[kind].append(text)
		for intent in intents.values():
			assert intent.answers, f'{path.name}: intent {intent.name} has no answer'
	return intents


def plain(text):
	"""The form in which two questions count as the same."""
	return re.sub(r'[^\w]+', ' ', text.lower()).strip()


def typo(text, rng):
	"""One slip of the fingers inside a word."""
	spots = [i for i in range(1, len(text) - 1) if text[i].isalpha() and text[i - 1].isalpha()]
	if len(text) < 8 or not spots:
		return text
	i = rng.choice(spots)
	kind = rng.randrange(4)
	if kind == 0:
		return text[:i] + text[i + 1:]
	if kind == 1:
		return text[:i] + text[i] + text[i:]
	if kind == 2 and i + 1 < len(text):
		return text[:i] + text[i + 1] + text[i] + text[i + 2:]
	return text[:i] + rng.choice(KEYS.get(text[i].lower(), text[i])) + text[i + 1:]


def keywords(text):
	"""Only the words that carry the meaning, as typed into a search box."""
	drop = {'what', 'is', 'are', 'the', 'a', 'an', 'do', 'does', 'how', 'i', 'to', 'of', 'can', 'you',
		'me', 'it', 'my', 'in', 'for', 'please', 'tell', 'explain', 'about', 'there', 'which', 'this'}
	kept = [w for w in text.split() if w.lower() not in drop]
	return ' '.join(kept) if len(kept) >= 2 else text


def reword(text, rng):
	"""One word replaced by another of about the same sense."""
	words = f' {text} '
	known = [w for w in SAME if f' {w} ' in words]
	if not known:
		return text
	old = rng.choice(known)
	return words.replace(f' {old} ', f' {rng.choice(SAME[old].split("|"))} ', 1).strip()


def humanise(text, rng):
	"""The same question as somebody might type it."""
	if rng.random() < 0.3:
		return text[:1].upper() + text[1:] + '?' if rng.random() < 0.5 else text
	if rng.random() < 0.05:
		text = keywords(text)
	for _ in range(2):
		if rng.random() < 0.15:
			old, new = rng.choice(list(WORDS.items()))
			text = re.sub(r'\b' + re.escape(old), new, text, count=1)
	for _ in range(2):
		if rng.random() < 0.2:
			text = reword(text, rng)
	if len(text) > 6 and text[0].isalpha():
		if rng.random() < 0.14:
			text = rng.choice(BEFORE) + text
		if rng.random() < 0.09 and text[-1].isalnum():
			text += rng.choice(AFTER)
	if rng.random() < 0.1 and text.count(' ') > 3:
		words = text.split(' ')
		words.pop(rng.randrange(len(words)))
		text = ' '.join(words)
	if rng.random() < 0.5 and text[-1:].isalnum():
		asking = re.match(r'(.*, )?(what|how|why|who|when|where|which|can|could|is|are|do|does|did|will)', text)
		text += '?' if asking and rng.random() < 0.9 else rng.choice(['.', '!', '?', '??', ' ?', '.'])
	for _ in range(2):
		if rng.random() < 0.08:
			text = typo(text, rng)
	style = rng.random()
	if style < 0.45:
		text = text[:1].upper() + text[1:]
		text = re.sub(r'\bi\b', 'I', text)
	elif style < 0.47:
		text = text.upper()
	return text


class Corpus:
	"""An endless, seeded stream of dialogues: lists of (role, text) ending in an answer."""

	def __init__(self, seed, held_out=()):
		self.rng = random.Random(seed)
		self.intents = load()
		self.held_out = {plain(q) for q in held_out}
		self.names = list(self.intents)
		self.weights = [self.weight(i) for i in self.intents.values()]
		self.terms = [i for i in self.intents.values() if i.terms and not i.name.startswith('outside')]
		self.deep = [i for i in self.intents.values() if i.more]

	@staticmethod
	def weight(intent):
		if intent.name == 'outside':
			return 80.0
		if intent.name.startswith('outside') or intent.name == 'foreign':
			return 5.0
		return 0.7 + min(sum(k[0] for k in intent.kinds()), 40) / 30

	def question(self, intent):
		"""A phrasing of intent that the held-out set does not hold."""
		while True:
			text = humanise(intent.ask(self.rng), self.rng)
			if plain(text) not in self.held_out:
				return text

	def turn(self, intent):
		return [('user', self.question(intent)), ('assistant', self.rng.choice(intent.answers))]

	def pick(self):
		return self.intents[self.rng.choices(self.names, self.weights)[0]]

	def dialogue(self):
		rng, kind, talk = self.rng, self.rng.random(), []
		if rng.random() < 0.12:
			talk.append(('system', rng.choice(SYSTEM)))
		if kind < 0.90:
			return talk + self.turn(self.pick())
		if kind < 0.96:
			for _ in range(rng.choice((2, 2, 2, 2, 3, 3, 4, 7))):
				talk += self.turn(self.pick())
			return talk
		if kind < 0.98:
			first = rng.choice(self.deep)
			return talk + self.turn(first) + [('user', humanise(rng.choice(MORE), rng)),
				('assistant', rng.choice(first.more))]
		first, second = rng.sample(self.terms, 2)
		term = second.fill(rng.choice(second.terms), rng)
		return talk + self.turn(first) + [('user', rng.choice(NEXT).replace('{}', term)),
			('assistant', rng.choice(second.answers))]


def held_out(path=HERE / 'heldout.jsonl'):
	"""The rows of the held-out set: {"intent", "question"} and, for a second turn, "before"."""
	if not path.exists():
		return []
	return [json.loads(line) for line in path.read_text(encoding='utf-8').splitlines() if line.strip()]


if __name__ == '__main__':
	import sys
	corpus = Corpus(1, [r['question'] for r in held_out()])
	if sys.argv[1:] == ['stats']:
		import itertools
		print(len(corpus.intents), 'intents')
		for name, intent in corpus.intents.items():
			seen = {plain(intent.ask(corpus.rng)) for _ in itertools.repeat(None, 3000)}
			length = len(intent.answers[0].split())
			if len(seen) < 15 or length > 48:
				print(f'{name}: {len(seen)} phrasings, answer of {length} words')
	else:
		for _ in range(int((sys.argv[1:] or ['20'])[0])):
			print('\n'.join(f'{role:>9}: {text}' for role, text in corpus.dialogue()), '\n')
