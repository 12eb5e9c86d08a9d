import './guard';
import './styles/tokens.css';
import './styles/courtier.css';
import './styles/app.css';
import './styles/screens.css';
import { mount } from 'svelte';
import App from './App.svelte';

const target = document.getElementById('root');
if (target) mount(App, { target });
