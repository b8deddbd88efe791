import {
	NodeHelpers,
	type INode,
	type INodeParameters,
	type INodeProperties,
	type INodePropertyOptions,
	type NodeParameterValueType,
} from 'n8n-workflow';

import { WhatsAppBusinessCalling } from '../../../nodes/WhatsAppBusinessCalling/WhatsAppBusinessCalling.node';
import { WhatsAppBusinessCallingTrigger } from '../../../nodes/WhatsAppBusinessCalling/WhatsAppBusinessCallingTrigger.node';
import { NODE } from '../fakes';

const { description } = new WhatsAppBusinessCalling();
const { properties } = description;

/** Conditions that no expression can be in the way of. */
const isFixed = (name: string) => properties.some((p) => p.name === name && p.noDataExpression);

const conditionsOf = ({ displayOptions }: INodeProperties) =>
	Object.keys({ ...displayOptions?.show, ...displayOptions?.hide });

/** Fields on whose value it depends whether others are shown. */
const SWITCHES = [...new Set(properties.flatMap(conditionsOf))].filter((name) => !isFixed(name));

const OPERATIONS = properties
	.filter(({ name }) => name === 'operation')
	.flatMap(({ displayOptions, options = [] }) =>
		(displayOptions?.show?.resource ?? []).flatMap((resource) =>
			(options as INodePropertyOptions[]).map(({ value }) => ({
				resource: String(resource),
				operation: String(value),
			})),
		),
	);

const nodeWith = (parameters: INodeParameters): INode => ({ ...NODE, parameters });

const isShown = (property: INodeProperties, parameters: INodeParameters) =>
	NodeHelpers.displayParameter(parameters, property, nodeWith(parameters), description);

/** What n8n says before it publishes or runs a node, as it does with the defaults filled in. */
function issues(parameters: INodeParameters) {
	const filled = NodeHelpers.getNodeParameters(
		properties,
		parameters,
		true,
		false,
		nodeWith(parameters),
		description,
	);
	return NodeHelpers.getNodeParametersIssues(properties, nodeWith(filled ?? {}), description);
}

const SAMPLES: Record<string, NodeParameterValueType> = {
	phoneNumberId: { __rl: true, mode: 'id', value: '106000000000001' },
};

/** Fills in what an operation always asks for. */
function required(choice: INodeParameters): INodeParameters {
	const asked = properties.filter(
		(property) =>
			property.required && conditionsOf(property).every(isFixed) && isShown(property, choice),
	);
	return {
		...choice,
		...Object.fromEntries(asked.map(({ name }) => [name, SAMPLES[name] ?? 'x'])),
	};
}

const CALLS: INodeParameters[] = ['start', 'accept'].map((operation) =>
	required({ resource: 'call', operation }),
);

const ON = '={{ $json.consent }}';

describe('a switch with an expression', () => {
	it('The known switches are covered', () => {
		expect(SWITCHES.toSorted()).toEqual(
			expect.arrayContaining(['recordCall', 'recordingLanguage', 'returnAll', 'transcribeCall']),
		);
	});

	it.each(OPERATIONS)('The switch makes no field required: $resource, $operation', (choice) => {
		const parameters = required(choice);
		expect(issues(parameters)).toBeNull();
		for (const name of SWITCHES) {
			expect({ name, issues: issues({ ...parameters, [name]: ON }) }).toEqual({
				name,
				issues: null,
			});
		}
		const all = Object.fromEntries(SWITCHES.map((name) => [name, ON]));
		expect(issues({ ...parameters, ...all })).toBeNull();
	});

	it.each<[INodeParameters, string[]]>([
		[{}, []],
		[{ recordCall: true }, ['recordingPurpose', 'recordingLanguage']],
		[{ transcribeCall: true }, ['transcriptionPurpose', 'transcriptionLanguage']],
		[{ recordCall: true, transcribeCall: true }, ['recordingPurpose', 'recordingLanguage']],
		[{ recordCall: ON }, ['recordingPurpose', 'recordingLanguage']],
		[{ recordCall: true, transcribeCall: ON }, ['recordingPurpose', 'recordingLanguage']],
		[{ transcribeCall: ON }, ['transcriptionPurpose', 'transcriptionLanguage']],
		[
			{ recordCall: ON, transcribeCall: true },
			['recordingPurpose', 'recordingLanguage', 'transcriptionPurpose', 'transcriptionLanguage'],
		],
		[
			{ recordCall: ON, transcribeCall: ON },
			['recordingPurpose', 'recordingLanguage', 'transcriptionPurpose', 'transcriptionLanguage'],
		],
	])('The switch shows the fields that it may need: %j', (switches, fields) => {
		for (const call of CALLS) {
			const parameters = { ...call, recordCall: false, transcribeCall: false, ...switches };
			const shown = properties.filter(
				(property) => /Purpose$|Language$/.test(property.name) && isShown(property, parameters),
			);
			expect(shown.map(({ name }) => name)).toEqual(fields);
		}
	});

	it.each<[INodeParameters, string[]]>([
		[{}, ['notRecorded']],
		[{ recordCall: true }, ['recordingAnnouncement_de']],
		[{ recordCall: ON }, ['recordingAnnouncement_de']],
		[{ recordCall: true, transcribeCall: true }, ['combinedAnnouncement_de']],
		[
			{ recordCall: true, transcribeCall: ON },
			['recordingAnnouncement_de', 'combinedAnnouncement_de'],
		],
		[{ transcribeCall: ON }, ['notRecorded', 'transcriptionAnnouncement']],
		[
			{ transcribeCall: true, transcriptionLanguage: 'nl' },
			['notRecorded', 'transcriptionAnnouncementInEnglish'],
		],
		// Nobody knows which announcement it is.
		[{ recordCall: true, recordingLanguage: ON }, []],
		[{ recordCall: false, recordingLanguage: ON }, ['notRecorded']],
	])(
		'The switch shows the announcements that may be heard, and no other: %j',
		(switches, notices) => {
			for (const call of CALLS) {
				const parameters = {
					...call,
					...{ recordCall: false, transcribeCall: false },
					...{ recordingLanguage: 'de', transcriptionLanguage: 'de' },
					...switches,
				};
				const shown = properties.filter(
					(property) =>
						property.type === 'notice' &&
						property.name !== 'audioNotice' &&
						isShown(property, parameters),
				);
				expect(shown.map(({ name }) => name)).toEqual(notices);
			}
		},
	);
});

it('No switch makes a field of the trigger required', () => {
	const trigger = new WhatsAppBusinessCallingTrigger().description;
	const switches = [...new Set(trigger.properties.flatMap(conditionsOf))];
	expect(switches).toContain('registration');
	const node = nodeWith({
		events: ['connect'],
		...Object.fromEntries(switches.map((name) => [name, ON])),
	});
	const filled = NodeHelpers.getNodeParameters(
		trigger.properties,
		node.parameters,
		true,
		false,
		node,
		trigger,
	);
	expect(
		NodeHelpers.getNodeParametersIssues(trigger.properties, nodeWith(filled ?? {}), trigger),
	).toBeNull();
});
