// Swagger UI has a dark scheme, but only its standalone layout, which is not used here, ever turns it on.
const dark = matchMedia('(prefers-color-scheme: dark)');
const followScheme = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', followScheme);
followScheme();

/** Sends a wrong parameter too: what is wrong with it is then said by the service, better than by Swagger UI. */
const askTheService = {
  statePlugins: { spec: { wrapSelectors: { validateBeforeExecute: () => () => true } } },
};

/** Puts a button under each parameter that fills in the example of its schema, which Swagger UI would not show. */
const offerExamples = ({ React }) => ({
  wrapComponents: {
    JsonSchemaForm: (Form) => (props) => {
      const example = props.schema.getIn(['examples', 0]);
      const form = React.createElement(Form, props);
      if (props.disabled || !['string', 'number'].includes(typeof example)) return form;
      const fill = () => props.onChange(String(example));
      const button = { type: 'button', className: 'example-button', onClick: fill };
      return React.createElement(
        'div',
        null,
        form,
        React.createElement('button', button, `Fill in ${example}`),
      );
    },
  },
});

const KEEP = 'keep-key';
const keepsKey = () => localStorage.getItem(KEEP) === 'yes';

/**
 * Swagger UI keeps a key in the browser always or never. Here it is forgotten with the page, unless the reader ticks a box
 * beside the button; `authorized` is where Swagger UI itself looks for it when the page is opened.
 */
const keepKeyIfAsked = ({ React, getSystem }) => {
  const store = () => {
    if (!keepsKey()) localStorage.removeItem('authorized');
    else localStorage.setItem('authorized', JSON.stringify(getSystem().authSelectors.authorized().toJS()));
  };
  const follow = ({ target }) => {
    localStorage.setItem(KEEP, target.checked ? 'yes' : 'no');
    store();
  };
  return {
    statePlugins: {
      auth: {
        wrapActions: {
          persistAuthorizationIfNeeded: () => () => {
            store();
            return { type: 'key_kept_if_asked' };
          },
        },
      },
    },
    wrapComponents: {
      authorizeBtn: (Button) => (props) => {
        const box = { type: 'checkbox', defaultChecked: keepsKey(), onChange: follow };
        const label = React.createElement(
          'label',
          { className: 'keep-key' },
          React.createElement('input', box),
          ' Keep the key in this browser',
        );
        return React.createElement(React.Fragment, null, label, React.createElement(Button, props));
      },
    },
  };
};

SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  plugins: [askTheService, offerExamples, keepKeyIfAsked],
  persistAuthorization: keepsKey(),
  // null keeps the page from sending the spec to a validator on the internet.
  validatorUrl: null,
});
