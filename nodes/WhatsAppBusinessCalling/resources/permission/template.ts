import type { IDataObject, INodeProperties } from 'n8n-workflow';

import { inputError } from '../shared/errors';
import { asText, textOf, textParameter, truncate } from '../shared/parameters';
import type { OperationInput } from '../types';

/** Parts of a template that can have placeholders, in the order in which Meta shows them. */
const PARTS = ['header', 'body'];

/** Meta refuses it with 132018. Not on its pages; clients quote the error. */
const NOT_IN_VALUES = /[\n\r\t]| {5}/;

export function templateFields(
	displayOptions: INodeProperties['displayOptions'],
): INodeProperties[] {
	return [
		{
			displayName: 'Template Name',
			name: 'templateName',
			type: 'string',
			default: '',
			placeholder: 'e.g. call_permission',
			description:
				'Name of an approved template that contains a call permission request. WhatsApp Manager > Message templates lists them.',
			displayOptions,
		},
		{
			displayName: 'Template Language',
			name: 'templateLanguage',
			type: 'string',
			default: 'en_US',
			placeholder: 'e.g. en_US',
			description: 'Language code of the template, exactly as WhatsApp Manager shows it',
			displayOptions,
		},
		{
			displayName: 'Template Parameters',
			name: 'templateParameters',
			type: 'fixedCollection',
			typeOptions: { multipleValues: true },
			placeholder: 'Add Parameter',
			default: {},
			description:
				"Values for the template's placeholders, such as {{1}} or {{first_name}}, in their order",
			displayOptions,
			options: [
				{
					displayName: 'Parameter',
					name: 'parameter',
					values: [
						{
							displayName: 'Name',
							name: 'name',
							type: 'string',
							default: '',
							placeholder: 'e.g. first_name',
							description: 'Only for placeholders with a name. Leave empty for numbered ones.',
						},
						{
							displayName: 'Part',
							name: 'part',
							type: 'options',
							default: 'body',
							description: 'Where the placeholder is',
							options: [
								{ name: 'Body', value: 'body' },
								{ name: 'Header', value: 'header' },
							],
						},
						{
							displayName: 'Value',
							name: 'value',
							type: 'string',
							default: '',
							description: 'Text that replaces the placeholder',
						},
					],
				},
			],
		},
	];
}

/**
 * The message that a template makes.
 *
 * @throws NodeOperationError for what Meta would refuse in any template
 * @source Meta, "User call permissions": send message template
 */
export function templateContent(input: OperationInput): IDataObject {
	const name = required(input, 'templateName', 'Template Name');
	const code = required(input, 'templateLanguage', 'Template Language');
	const parameters = parametersOf(input);
	const components = PARTS.flatMap((part) => {
		const ofPart = parameters.filter((parameter) => parameter.part === part);
		if (ofPart.length === 0) return [];
		return { type: part, parameters: ofPart.map(({ sent }) => sent) };
	});
	return {
		type: 'template',
		template: { name, language: { code }, ...(components.length > 0 && { components }) },
	};
}

function required(input: OperationInput, parameter: string, label: string): string {
	const text = textParameter(input, parameter);
	if (/^[\w-]{1,512}$/.test(text)) return text;
	throw inputError(
		input,
		text === '' ? `${label} is empty` : `"${truncate(text)}" cannot be a ${label.toLowerCase()}`,
		'Copy it from WhatsApp Manager > Message templates, without spaces.',
	);
}

interface Parameter {
	part: string;
	/** As Meta takes it. */
	sent: IDataObject;
}

function parametersOf(input: OperationInput): Parameter[] {
	const { context, itemIndex } = input;
	const given = context.getNodeParameter('templateParameters', itemIndex, {}) as IDataObject;
	const rows = (given.parameter ?? []) as IDataObject[];
	return rows.map((row, index) => parameterOf(input, row, index + 1));
}

function parameterOf(input: OperationInput, fields: IDataObject, position: number): Parameter {
	const text = textOf(input, fields.value);
	if (text === '') {
		throw inputError(
			input,
			`Template parameter ${position} has no value`,
			'WhatsApp does not accept empty texts. Enter a value, or check what its expression evaluates to.',
		);
	}
	if (NOT_IN_VALUES.test(text)) {
		throw inputError(
			input,
			`Template parameter ${position} contains a line break, a tab or more than 4 spaces in a row`,
			'WhatsApp does not accept them in the values of a template. To replace them in an expression, append .replace(/\\s+/g, " ") to the text.',
		);
	}
	const name = asText(fields.name);
	const part = asText(fields.part).toLowerCase() || 'body';
	if (!PARTS.includes(part)) {
		throw inputError(
			input,
			`"${truncate(part)}" is not a part of a template`,
			`Use one of these: ${PARTS.join(', ')}.`,
		);
	}
	return { part, sent: { type: 'text', ...(name !== '' && { parameter_name: name }), text } };
}
