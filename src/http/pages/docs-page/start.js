// Only Swagger UI's standalone layout turns on its dark scheme, and this page does not use that layout.
const dark = matchMedia('(prefers-color-scheme: dark)');
const followScheme = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', followScheme);
followScheme();

/** Sends invalid parameters too, because the service's error message is better than Swagger UI's. */
const sendInvalid = {
  statePlugins: { spec: { wrapSelectors: { validateBeforeExecute: () => () => true } } },
};

/** Adds a button to each parameter that fills in the example of the schema, which Swagger UI does not show. */
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
        { className: 'form-with-example' },
        form,
        React.createElement('button', button, `Fill in ${example}`),
      );
    },
  },
});

/** Collapses error replies, because an operation has a dozen, and the headers of every reply. */
const foldReplies = ({ React }) => ({
  wrapComponents: {
    response: (Response) => (props) => {
      const [isOpen, setOpen] = React.useState(false);
      if (props.code.startsWith('2')) return React.createElement(Response, props);
      const text = props.response.get('description', '').replaceAll('`', '');
      const button = {
        type: 'button',
        className: 'fold',
        'aria-expanded': isOpen,
        onClick: () => setOpen(!isOpen),
      };
      return React.createElement(
        React.Fragment,
        null,
        React.createElement(
          'tr',
          { className: 'folded-reply' },
          React.createElement('td', { className: 'response-col_status' }, props.code),
          React.createElement('td', { colSpan: 2 }, React.createElement('button', button, text)),
        ),
        isOpen && React.createElement(Response, props),
      );
    },
    headers: (Headers) => (props) =>
      React.createElement(
        'details',
        { className: 'reply-headers' },
        React.createElement('summary', null, 'Headers'),
        React.createElement(Headers, props),
      ),
  },
});

/** Scrolls to a reply when it arrives, because it is below the parameters, often off the screen. */
const showReply = ({ React }) => ({
  wrapComponents: {
    liveResponse: (LiveResponse) => (props) => {
      const ref = React.useRef(null);
      React.useEffect(() => {
        ref.current.scrollIntoView({ block: 'nearest' });
      }, [props.response]);
      return React.createElement('div', { ref }, React.createElement(LiveResponse, props));
    },
  },
});

/** Hides the list of servers, because the page's Content-Security-Policy only allows requests to its own server. */
const oneServer = { wrapComponents: { ServersContainer: () => () => null } };

const KEEP = 'keep-key';
const keepsKey = () => localStorage.getItem(KEEP) === 'yes';

/**
 * Keeps the API key in localStorage if the user ticks a box next to the Authorize button; otherwise the key is gone
 * when the page closes. Swagger UI itself can only keep keys always or never. When the page opens, it reads them from
 * `authorized`.
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
  // Collapses the schemas at the end of the page.
  defaultModelsExpandDepth: 0,
  plugins: [sendInvalid, offerExamples, foldReplies, showReply, oneServer, keepKeyIfAsked],
  persistAuthorization: keepsKey(),
  // Do not send the spec to a validator on the internet.
  validatorUrl: null,
});
